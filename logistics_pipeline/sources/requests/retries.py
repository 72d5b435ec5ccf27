"""Sends a request until it succeeds: pauses between attempts, limits of the source, a token that has ended."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from threading import Lock
from time import monotonic
from typing import TypeVar

from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential_jitter,
)

from logistics_pipeline.sources.faults import FaultKind, PassingFault, UnauthorisedFault
from logistics_pipeline.sources.requests.authentication import Authenticator
from logistics_pipeline.sources.requests.client import Client, Response
from logistics_pipeline.sources.requests.http_requests import Request
from logistics_pipeline.sources.requests.rate_limits import RateLimit

Content = TypeVar("Content")

_BACKOFF = wait_exponential_jitter(multiplier=0.5, max=60, jitter=1)


@dataclass
class Costs:
    """What requests have cost so far."""

    requests: int = 0
    retries: int = 0
    rate_limited: int = 0
    retrying_seconds: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def add(self, *, requests: int = 0, retries: int = 0, rate_limited: int = 0, seconds: float = 0.0) -> None:
        """Adds to each."""
        with self._lock:
            self.requests += requests
            self.retries += retries
            self.rate_limited += rate_limited
            self.retrying_seconds += seconds


@dataclass
class Sender:
    """Sends requests of one source; several threads may use it."""

    client: Client
    authenticator: Authenticator
    limit: RateLimit
    costs: Costs = field(default_factory=Costs)
    sleep: Callable[[float], None] = time.sleep

    def send(
        self, request: Request, read: Callable[[Response], Content], accepted: Collection[int] = ()
    ) -> tuple[Response, Content]:
        """The response and what `read` makes of it, after as many attempts as the definition allows.

        Raises:
            PausedPull: the source wants to be left alone for longer than a pull waits.
            SourceFault: no attempt succeeded, or another one is no use.
        """
        began = monotonic()
        try:
            return self._attempt(request, read, accepted)
        except PassingFault as fault:
            return self._try_again(fault, began, request, read, accepted)

    def _try_again(
        self,
        fault: PassingFault,
        began: float,
        request: Request,
        read: Callable[[Response], Content],
        accepted: Collection[int],
    ) -> tuple[Response, Content]:
        """What follows a first attempt that has failed. Tenacity is told of it, and counts on; it costs 0.05 ms."""
        known = [fault]

        def attempt() -> tuple[Response, Content]:
            if known:
                raise known.pop()
            return self._attempt(request, read, accepted)

        retries = self.client.source.retries
        attempts = Retrying(
            retry=retry_if_exception_type(PassingFault),
            stop=stop_after_attempt(retries.attempts)
            | stop_after_delay(retries.longest.total_seconds() - (monotonic() - began)),
            wait=_wait,
            before_sleep=self._before_pause,
            sleep=self.sleep,
        )
        try:
            response, content = attempts(attempt)
        except RetryError as error:
            self.costs.add(seconds=monotonic() - began)
            self._respect(error)
            raise self._given_up(error, monotonic() - began) from None
        self.costs.add(seconds=monotonic() - began - response.seconds)
        return replace(response, attempts=int(attempts.statistics["attempt_number"])), content

    def _attempt(
        self, request: Request, read: Callable[[Response], Content], accepted: Collection[int]
    ) -> tuple[Response, Content]:
        # What fails here is never sent: it is no request of the day, nor one that counts.
        credentials = self.authenticator.credentials()
        self.client.check(request, credentials.headers)
        waited = self.limit.waited
        self.limit.wait()
        if self.limit.waited > waited:
            credentials = self.authenticator.credentials()  # a token may have ended meanwhile
        self.costs.add(requests=1)
        try:
            response = self.client.send(request, credentials.headers, credentials.parameters, accepted=accepted)
        except UnauthorisedFault as fault:
            if fault.status != 401 or not self.authenticator.renew(credentials):
                raise
            credentials = self.authenticator.credentials()
            self.costs.add(requests=1, retries=1)
            response = self.client.send(request, credentials.headers, credentials.parameters, accepted=accepted)
        self.limit.obey(response.headers)
        return response, read(response)

    def _before_pause(self, state: RetryCallState) -> None:
        fault = _fault_of(state)
        is_limited = fault.kind is FaultKind.RATE_LIMIT or fault.retry_after is not None
        self.costs.add(retries=1, rate_limited=int(is_limited))
        if fault.retry_after:
            self.limit.block(fault.retry_after)
            self.limit.pause(fault.retry_after, "its answer (Retry-After)")

    def _respect(self, error: RetryError) -> None:
        """Leaves the source alone for as long as its last answer wants, also after the last attempt.

        Raises:
            PausedPull: that is longer than a pull waits.
        """
        fault = error.last_attempt.exception()
        if isinstance(fault, PassingFault) and fault.retry_after:
            self.costs.add(rate_limited=int(fault.kind is not FaultKind.RATE_LIMIT))
            self.limit.block(fault.retry_after)
            if fault.retry_after > self.client.source.limits.longest_wait.total_seconds():
                self.costs.add(rate_limited=int(fault.kind is FaultKind.RATE_LIMIT))
                self.limit.pause(fault.retry_after, "its answer (Retry-After)")

    def _given_up(self, error: RetryError, seconds: float) -> PassingFault:
        fault = error.last_attempt.exception()
        assert isinstance(fault, PassingFault)
        tries = error.last_attempt.attempt_number
        if fault.kind is FaultKind.RATE_LIMIT:
            self.costs.add(rate_limited=1)
        if tries == 1:
            return fault
        return replace(fault, message=f"{fault.message} That was attempt {tries} in {seconds:.0f} s.")


def _fault_of(state: RetryCallState) -> PassingFault:
    assert state.outcome is not None
    fault = state.outcome.exception()
    assert isinstance(fault, PassingFault)
    return fault


def _wait(state: RetryCallState) -> float:
    """The pause before the next attempt; none after the one that the source has asked for."""
    return 0.0 if _fault_of(state).retry_after else _BACKOFF(state)
