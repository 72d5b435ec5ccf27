"""External ids, links and master records in contracts: what is accepted, and what messages say about the rest."""

from pathlib import Path

import pytest

from logistics_core.catalogue import Catalogue, ContractError, built_in_catalogue
from logistics_core.catalogue.contract_files import contract_from_document, make_catalogue, read_contract, read_document
from logistics_core.catalogue.identities import ExternalId
from logistics_core.metrics.paths import read_path
from logistics_core.metrics.rollups import candidates, definition_checksum
from tests.identities import CONTRACTS, FLEET, FUEL, LINKS


def catalogue_of(*texts: str) -> Catalogue:
    built_in = built_in_catalogue().values()
    return make_catalogue(
        [*built_in, *(contract_from_document(read_document(text, "a.yaml").value, "a.yaml") for text in texts)]
    )


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def test_an_external_id_is_named_after_the_entity() -> None:
    fuel = catalogue_of(*CONTRACTS.values())["fuel"]
    assert fuel.external_ids == (ExternalId("plate", "fleet", "fuelco", "truck", "truck_id", (("plate", "plate"),)),)


def test_paths_lead_to_the_master_key_and_its_attributes() -> None:
    catalogue = catalogue_of(*CONTRACTS.values())
    key = read_path("truck", catalogue["fuel"], catalogue)
    assert (key.name, key.field.type, key.is_own) == ("truck", "string", True)
    kind = read_path("truck.kind", catalogue["fuel"], catalogue)
    assert (kind.relations, kind.field.name) == (("truck",), "kind")
    with pytest.raises(ValueError, match=r"has no field 'truk'.* Did you mean truck\?"):
        read_path("truk", catalogue["fuel"], catalogue)


def test_rollups_have_the_master_key_and_depend_on_the_declaration() -> None:
    fuel = catalogue_of(*CONTRACTS.values())["fuel"]
    other = catalogue_of(FLEET, changed(FUEL, "system: fuelco", "system: cardco"))["fuel"]
    assert candidates(fuel)[0] == "truck"
    assert definition_checksum(fuel) != definition_checksum(other)


def test_the_name_can_be_given_and_declared_rollups_may_name_it() -> None:
    text = changed(FUEL, "system: fuelco,", "system: fuelco, name: unit,") + "rollups: [[unit], []]\n"
    assert catalogue_of(FLEET, text)["fuel"].declared_rollups == (("unit",), ())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("field: plate, entity", "field: plat, entity", r"externalIds\[0\].field names 'plat'.* Did you mean plate?"),
        ("field: plate, entity", "field: price, entity", r"externalIds\[0\].field names price, whose type is number"),
        ("entity: fleet", "entity: flet", r"fuel: externalIds\[0\].entity is 'flet', .* Did you mean fleet?"),
        ("system: fuelco", "system: Fuel Co", r"externalIds\[0\].system is 'Fuel Co'. It must begin"),
        ("system: fuelco", "systm: fuelco", r"systm is an unknown key. Did you mean system\?"),
        (
            "{{plate: plate}}".replace("{{", "{").replace("}}", "}"),
            "{plat: plate}",
            r"attributes names 'plat' of fleet",
        ),
        ("{plate: plate}", "{plate: plat}", r"externalIds\[0\].attributes names 'plat', which is no field"),
        (
            "system: fuelco,",
            "system: fuelco, name: price,",
            "is called price, which is a field too. Add another `name`",
        ),
        ("system: fuelco,", "system: fuelco, name: spent,", "is called spent, which is taken. Add another `name`"),
    ],
)
def test_what_is_wrong_with_external_ids_is_said(old: str, new: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        catalogue_of(FLEET, changed(FUEL, old, new))


def test_an_entity_has_a_key_of_one_field() -> None:
    keyless = changed(FLEET, "  primaryKey: [truck_id]\n", "").split("entity:")[0]
    with pytest.raises(ContractError, match=r"externalIds\[0\].entity is fleet, whose records have no key. Master"):
        catalogue_of(keyless, FUEL)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "fields:\n",
            "primaryKey: [system]\n  fields:\n",
            "links: records of links have no key, so that every link is",
        ),
        ("systemField: system,", "", "links names either `system`, for all records, or `systemField`"),
        ("externalId: external_id", "externalId: note", "links.externalId names note, which must be required"),
        ("key: truck_id", "key: truck", "links.key names 'truck', which is no field"),
        ("key: truck_id", "key: note", "links.key names note, whose role is text: prose is no id"),
        ("entity: fleet", "entity: flet", "links.entity is 'flet', which is no dataset"),
    ],
)
def test_what_is_wrong_with_links_is_said(old: str, new: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        catalogue_of(FLEET, changed(LINKS, old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("field: plate}", "field: plat}", r"entity.match\[0\].field names 'plat'"),
        ("rule: near_name", "rule: same_plate", r"entity.match\[1\].rule is same_plate, as in an entry before"),
        ("field: plate}", "field: plate, similarity: 90}", r"entity.match\[0\].similarity is for `compare: name`"),
        (
            "compare: name}",
            "compare: name, similarity: 9}",
            r"entity.match\[1\].similarity must be from 50 to 100, not 9",
        ),
        ("compare: name}", "compare: sound}", r"entity.match\[1\].compare is 'sound'. Expected: one of code, name"),
        ("trust: [fleet,", "trust: [fleet, fleet,", "entity.trust lists fleet twice"),
        ("attributes: {nickname", "attributes: {truck_id", "entity.attributes names truck_id, which is the key"),
    ],
)
def test_what_is_wrong_with_master_records_is_said(old: str, new: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        catalogue_of(changed(FLEET, old, new))


def test_two_external_ids_of_one_entity_need_different_names(tmp_path: Path) -> None:
    second = "externalIds:\n  - {field: payment, entity: fleet, system: other}"
    with pytest.raises(ContractError, match=r"externalIds\[1\]: what plate identifies is called truck, which is taken"):
        catalogue_of(FLEET, changed(FUEL, "externalIds:", second))
    contract = tmp_path / "fuel.yaml"
    contract.write_text(changed(FUEL, "externalIds:", second.replace("other", "other, name: payer")))
    found = make_catalogue([*catalogue_of(FLEET).values(), read_contract(contract)])["fuel"]
    assert [each.name for each in found.external_ids] == ["payer", "truck"]
