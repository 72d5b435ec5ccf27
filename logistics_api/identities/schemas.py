"""Requests and responses about external ids."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.cursors import Page
from logistics_api.schemas import StrictModel
from logistics_core.database_contract.identities import LinkSource, ProposalState
from logistics_core.identities.names import LONGEST_ID


class IdField(StrictModel):
    """A field with external ids."""

    system: str = Field(description="The system whose ids they are", examples=["fuelco"])
    dataset: str = Field(description="The dataset whose records hold them", examples=["fuel_cards"])
    field: str = Field(examples=["card_plate"])
    name: str = Field(
        description="What the thing is called in `by` and `filter` of metrics: its master key", examples=["vehicle"]
    )
    linked: int = Field(description="Ids of the system that are linked", examples=[412])
    open_proposals: int = Field(description="Proposals about ids of the system that wait", examples=[3])


class EntitySummary(StrictModel):
    """What there is about the external ids of an entity."""

    entity: str = Field(description="The dataset with the master records", examples=["vehicles"])
    title: str = Field(examples=["Vehicles"])
    key: str = Field(description="Its key", examples=["vehicle_id"])
    fields: list[IdField]
    links: int = Field(description="Links that were ever made, without those of unloaded files", examples=[450])
    waiting: int = Field(description="Links that figures follow with the next refresh", examples=[0])
    open_proposals: int = Field(description="Proposals that wait for a person", examples=[3])


class Identities(StrictModel):
    """The entities that have external ids."""

    entities: list[EntitySummary]


class Unlinked(StrictModel):
    """An external id that is linked with nothing: it stands for itself."""

    entity: str = Field(examples=["vehicles"])
    system: str = Field(examples=["fuelco"])
    external_id: str = Field(examples=["W-1234"])
    dataset: str = Field(examples=["fuel_cards"])
    field: str = Field(examples=["card_plate"])
    records: int = Field(description="Records with it", examples=[31])
    first_day: date | None = Field(description="First day of these records; null if they have none")
    last_day: date | None = Field(description="Last day of these records; null if they have none")


class UnlinkedIds(StrictModel):
    """External ids that are linked with nothing, those with the most records first."""

    total: int = Field(description="How many there are, beyond `limit`", examples=[7])
    items: list[Unlinked]


class Link(StrictModel):
    """Somebody's word that an external id is a thing."""

    link_id: int = Field(examples=[17])
    entity: str = Field(examples=["vehicles"])
    system: str = Field(examples=["fuelco"])
    external_id: str = Field(examples=["W-1234"])
    key: str | None = Field(
        description="Key of the master record; null: the id stands for itself again", examples=["TRUCK-07"]
    )
    made_at: datetime = Field(description="When it was made; of a link in a file, when the file was registered")
    author: str = Field(description="Name of the person or API key, of the rule, or path of the file", examples=["Ada"])
    source: LinkSource
    reason: str = Field(examples=["Seen in the yard"])
    file_id: int | None = Field(description="File that it came in; null otherwise", examples=[214])
    record_no: int | None = Field(description="Its record there", examples=[3])
    withdrawn_at: datetime | None = Field(description="When its file was unloaded: it counts no more")
    decides: bool = Field(description="Whether it is the newest of its id: only that one counts")
    waits: bool = Field(description="Whether figures follow it only after the next refresh")


class Links(Page, StrictModel):
    """A page of links, the newest first."""

    items: list[Link]


class NewLink(BaseModel):
    """A link to be made."""

    model_config = ConfigDict(extra="forbid")

    entity: str = Field(max_length=63, examples=["vehicles"])
    system: str = Field(max_length=63, examples=["fuelco"])
    external_id: str = Field(min_length=1, max_length=LONGEST_ID, examples=["W-1234"])
    key: str | None = Field(
        min_length=1, max_length=LONGEST_ID, description="Null: the id stands for itself again", examples=["TRUCK-07"]
    )
    reason: str = Field("", max_length=2_000, pattern="^[^\\x00]*$", examples=["Seen in the yard"])


class LinkMade(StrictModel):
    """A link that was made."""

    link_id: int = Field(examples=[17])


class Proposal(StrictModel):
    """What may be the same thing."""

    proposal_id: int = Field(examples=[5])
    entity: str = Field(examples=["vehicles"])
    system: str = Field(examples=["fuelco"])
    external_id: str = Field(examples=["W-1234"])
    key: str = Field(description="Key of the master record", examples=["TRUCK-07"])
    rule: str = Field(description="The rule that found it", examples=["same_plate"])
    similarity: float = Field(description="From 0 to 100", examples=[100])
    evidence: str = Field(
        description="Why, in a sentence",
        examples=["fuelco W-1234: the id is 'W-1234', the plate of vehicle TRUCK-07 is 'W 1234'; letters and digits "
                  "are the same."],
    )  # fmt: skip
    state: ProposalState
    proposed_at: datetime
    decided_at: datetime | None = Field(description="Null until it is decided")
    decided_by: str | None = Field(description="Name of the person, API key or rule", examples=["Ada"])
    reason: str | None = Field(description="What they said", examples=[""])
    link_id: int | None = Field(description="The link that accepting it has made", examples=[17])


class Proposals(Page, StrictModel):
    """A page of proposals, the oldest first."""

    items: list[Proposal]


class Decision(BaseModel):
    """Why a proposal is accepted or rejected."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=2_000, pattern="^[^\\x00]*$", examples=["Seen in the yard"])


class SaidValue(StrictModel):
    """What one source says about an attribute, by its newest record that says anything."""

    source: str = Field(description="A system, or the name of the entity for its master record", examples=["fuelco"])
    dataset: str = Field(examples=["fuel_cards"])
    field: str = Field(examples=["card_plate"])
    value: str = Field(examples=["W-1234"])
    file_id: int = Field(description="The file of that record", examples=[214])
    record_no: int = Field(description="The record there", examples=[3])


class UnifiedAttribute(StrictModel):
    """An attribute of a thing."""

    name: str = Field(examples=["plate"])
    value: str | None = Field(description="As the most trusted source says; null if none does", examples=["W-1234"])
    source: str | None = Field(description="Who says so", examples=["vehicles"])
    said: list[SaidValue] = Field(description="What all sources say, the most trusted first")


class Thing(StrictModel):
    """A thing as all sources together know it."""

    key: str = Field(description="Its master key", examples=["TRUCK-07"])
    attributes: list[UnifiedAttribute]


class ThingWithIds(Thing):
    """The same with the ids that stand for it, and why."""

    entity: str = Field(examples=["vehicles"])
    ids: list[Link] = Field(description="The links that decide")


class Things(Page, StrictModel):
    """A page of things by key."""

    items: list[Thing]
