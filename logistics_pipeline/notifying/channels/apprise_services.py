"""Whatever else the library Apprise reaches (an extra): some hundred services, each by an address of its own.

The library opens its connections itself: the checks of addresses and sizes that other channels have do not hold here.
"""

from logistics_core.database_contract.notifications import AttemptOutcome
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying.channels.configuration import Configuration
from logistics_pipeline.notifying.outgoing import Outcome, Outgoing
from logistics_pipeline.notifying.rendering.texts import plain_text, subject


def send_apprise(message: Outgoing, configuration: Configuration) -> Outcome:
    """Sends a message to the service of an address, once.

    Raises:
        ConfigurationError: the extra is not installed, or the address is none that it knows.
    """
    try:
        import apprise
    except ImportError:
        raise ConfigurationError(
            "The channel apprise needs a library: install it with `pip install logistics-analytics-platform[apprise]`."
        ) from None
    services = apprise.Apprise(asset=apprise.AppriseAsset(app_id="logistics-analytics-platform", secure_logging=True))
    if not services.add(configuration.text("url")):
        raise ConfigurationError("`url` is no address that Apprise knows.")
    is_sent = services.notify(title=subject(message), body=plain_text(message), body_format=apprise.NotifyFormat.TEXT)
    if is_sent:
        return Outcome(AttemptOutcome.DELIVERED, "The service has accepted it.")
    return Outcome(AttemptOutcome.PASSING, "The service has not accepted it.")
