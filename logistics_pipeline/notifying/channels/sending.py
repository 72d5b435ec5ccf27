"""Sends a message by whatever channel its endpoint has. No failure of a channel leaves this module as an error."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from logistics_core.database_contract.notifications import AttemptOutcome, EndpointChannel
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying.channels import mail
from logistics_pipeline.notifying.channels.apprise_services import send_apprise
from logistics_pipeline.notifying.channels.chats import send_discord, send_slack, send_teams, send_telegram
from logistics_pipeline.notifying.channels.configuration import Configuration
from logistics_pipeline.notifying.channels.http import HttpSender
from logistics_pipeline.notifying.channels.mail import send_mail
from logistics_pipeline.notifying.channels.push import send_push
from logistics_pipeline.notifying.channels.webhook import send_webhook
from logistics_pipeline.notifying.outgoing import Outcome, Outgoing
from logistics_pipeline.notifying.rendering.languages import in_own_language
from logistics_pipeline.notifying.rendering.templates import with_templates

LONGEST_SECONDS = mail.LONGEST_SECONDS
"""No attempt takes longer, by whatever channel."""

logger = logging.getLogger("logistics.notifications")

Send = Callable[[Outgoing, Configuration], Outcome]


@dataclass
class Channels:
    """All channels; several threads use them."""

    http: HttpSender = field(default_factory=HttpSender)

    def send(self, message: Outgoing) -> Outcome:
        """Sends a message once."""
        configuration = Configuration(message.configuration)
        try:
            is_program = message.channel is EndpointChannel.WEBHOOK
            shown = message if is_program else with_templates(in_own_language(message))
            return self._senders[message.channel](shown, configuration)
        except ConfigurationError as error:  # it may be mended while the message waits
            return Outcome(AttemptOutcome.PASSING, configuration.clean(str(error)))
        except Exception as error:
            logger.error("Message %d could not be sent", message.message_id, exc_info=error)
            return Outcome(
                AttemptOutcome.PASSING,
                f"It failed because of an error in the program ({type(error).__name__}): the log of the worker has "
                "the details.",
            )

    @property
    def _senders(self) -> Mapping[EndpointChannel, Send]:
        return {
            EndpointChannel.WEBHOOK: lambda message, given: send_webhook(self.http, message, given),
            EndpointChannel.EMAIL: send_mail,
            EndpointChannel.SLACK: lambda message, given: send_slack(self.http, message, given),
            EndpointChannel.TEAMS: lambda message, given: send_teams(self.http, message, given),
            EndpointChannel.DISCORD: lambda message, given: send_discord(self.http, message, given),
            EndpointChannel.TELEGRAM: lambda message, given: send_telegram(self.http, message, given),
            EndpointChannel.APPRISE: send_apprise,
            EndpointChannel.PUSH: lambda message, given: send_push(self.http, message, given),
            EndpointChannel.INBOX: lambda message, given: Outcome(AttemptOutcome.DELIVERED),
        }

    def close(self) -> None:
        """Closes all connections."""
        self.http.close()
