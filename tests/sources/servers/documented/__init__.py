"""Public APIs of the field, each answering as its documentation says: paths, parameters, shapes, limits and refusals.

None of them is the real service. A server refuses what the documentation does not name, so that a definition which asks
for anything else fails its test. Which page each follows stands in its module, and in docs/source-examples.md.
"""

from tests.sources.servers.documented import (
    easypost,
    epcis,
    erpnext,
    fleetio,
    geotab,
    karrio,
    navixy,
    odoo,
    samsara,
    shippo,
    traccar,
    webfleet,
)
from tests.sources.servers.documented.api import DocumentedApi

APIS: dict[str, DocumentedApi] = {
    module.API.name: module.API
    for module in (
        samsara,
        geotab,
        traccar,
        navixy,
        webfleet,
        fleetio,
        easypost,
        shippo,
        karrio,
        odoo,
        erpnext,
        epcis,
    )
}
