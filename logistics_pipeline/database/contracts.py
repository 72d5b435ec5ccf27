"""The datasets of the contracts that are in force in the database."""

from logistics_core.catalogue import Catalogue
from logistics_core.catalogue.stored_contracts import stored_catalogue
from logistics_core.database_contract.contracts import CONTRACTS_IN_FORCE
from logistics_pipeline.database.connections import Connection


def catalogue_in_force(connection: Connection) -> Catalogue:
    """The built-in datasets and those of users, as runs load them.

    Raises:
        ContractError: a stored contract cannot be used by this version of the program.
    """
    return stored_catalogue(connection.execute(CONTRACTS_IN_FORCE).fetchall())
