"""Asks models of the pool: each question once, journaled, within the budget.

Takes a model and a prompt; gives an answer, or the reason why there is none. Collecting, judging
and describing all ask through it. Knows nothing of what answers are for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from finerouter.collecting.journal import Journal, Kept
from finerouter.collecting.request import Request, asking_of, request_of
from finerouter.collecting.spending import Budget, cost_usd
from finerouter.errors import EndpointError, OutputError, UserError
from finerouter.pool import Model
from finerouter.upstream import Reply, Upstream
from finerouter.upstream.apis import read_answer
from finerouter.upstream.patience import patiently

# A wrong key, no money over there, no right, no such model: the next question fares no better.
_LASTING_STATUS = frozenset((401, 402, 403, 404))
# Whoever fails so often in a row is down, or is asked in a way that it does not take.
_MOST_FAILURES_IN_A_ROW = 10
_LONGEST_REASON = 200


@dataclass(frozen=True)
class Missing:
    """There is no answer.

    Attributes:
        reason: for people.
        in_doubt: whether a killed run may have paid for one.
    """

    reason: str
    in_doubt: bool = False


Ask = Callable[[Model, str], Awaitable[Kept | Missing]]


@dataclass
class Tally:
    """What happened in this run.

    Attributes:
        calls: attempts made.
        from_journal: answers that had been paid for before.
        in_doubt: questions left alone because a killed run may have paid for them.
        stopped_models: why, by model.
        stopped: why asking stopped early, None where it did not.
    """

    calls: int = 0
    from_journal: int = 0
    in_doubt: int = 0
    stopped_models: dict[str, str] = field(default_factory=dict)
    stopped: str | None = None


class Asker:
    """A run's access to endpoints, journal and budget; for one event loop."""

    def __init__(
        self,
        journal: Journal,
        *,
        budget_usd: float | None = None,
        ask_again: bool = False,
        all_or_nothing: bool = False,
        **client: Any,
    ) -> None:
        """Nothing is asked yet.

        Args:
            journal: earlier answers, and where new ones go.
            budget_usd: what all runs of this journal may cost, None for any amount.
            ask_again: also ask what a killed run may have paid for.
            all_or_nothing: ask nothing more once there was no answer to a question.
            client: options of `Upstream`, such as its patience.
        """
        spending = journal.spending()
        self.journal = journal
        self.tally = Tally()
        self.budget = Budget(budget_usd, spent_usd=spending.spent_usd + spending.perhaps_usd)
        self._ask_again = ask_again
        self._all_or_nothing = all_or_nothing
        self._client = client
        self._upstreams: dict[str, Upstream] = {}
        self._under_way: dict[str, asyncio.Future[Kept | Missing]] = {}
        self._failures: Counter[str] = Counter()

    async def __aenter__(self) -> Asker:
        return self

    async def __aexit__(self, *_: object) -> None:
        # After a failure elsewhere, calls may still be under way: what they bring is kept.
        if self._under_way:
            self.stop("ended by a failure")
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        for upstream in self._upstreams.values():
            await upstream.close()

    def stop(self, why: str) -> None:
        """Start no further call; what is under way goes on."""
        self.tally.stopped = self.tally.stopped or why

    async def ask(self, model: Model, prompt: str) -> Kept | Missing:
        """The answer of a model, from the journal where it is known.

        Raises:
            PoolError: nobody said how the model is asked.
            OutputError: the journal cannot be written.
        """
        request = request_of(model, prompt)
        key = request.question.key
        if key not in self._under_way:
            self._under_way[key] = asyncio.ensure_future(self._answer(request))
        try:
            return await asyncio.shield(self._under_way[key])
        finally:
            if key in self._under_way and self._under_way[key].done():
                del self._under_way[key]

    async def _answer(self, request: Request) -> Kept | Missing:
        known = self.journal.find(request.question.key)
        if known:
            self.tally.from_journal += 1
            return known
        refusal = self._refusal(request)
        if refusal:
            return refusal
        upstream = self._upstream(request)
        try:
            reply = await patiently(
                lambda: self._attempt(request, upstream), upstream.patience, upstream.sleep
            )
        except _Refused as error:
            return Missing(str(error))
        except OutputError:
            raise
        except UserError as error:  # no key to be had
            return self._give_up(request.model, str(error))
        return self._outcome(request, upstream, reply)

    def _refusal(self, request: Request) -> Missing | None:
        name = request.model.model
        if self.tally.stopped or name in self.tally.stopped_models:
            return Missing(self.tally.stopped or self.tally.stopped_models[name])
        free = request.question.most_usd == 0
        if self._ask_again or free or not self.journal.in_doubt(request.question.key):
            return None
        self.tally.in_doubt += 1
        return Missing("a run that was killed may have paid for it", in_doubt=True)

    async def _attempt(self, request: Request, upstream: Upstream) -> Reply:
        async with upstream.slot():
            # Others may have found out while this one waited.
            self._check(request)
            most = request.question.most_usd
            if not await self.budget.reserve(most):
                self.stop("the budget is used up")
                raise _Refused(str(self.tally.stopped))
            cost: float | None = 0.0
            try:
                self._check(request)
                reply, cost = await self._send(request, upstream)
            except asyncio.CancelledError:
                cost = None
                raise
            finally:
                await self.budget.settle(most, cost)
            return reply

    async def _send(self, request: Request, upstream: Upstream) -> tuple[Reply, float | None]:
        """One journaled call, and what it cost; None where it may have cost the most."""
        call = self.journal.start(request.question)
        self.tally.calls += 1
        # Endpoints that know the header do not work twice on the same question.
        headers = {"idempotency-key": request.question.key[:32]}
        try:
            reply = await upstream.send(request.path, request.content, headers)
        except UserError as error:
            self.journal.failed(call, str(error), perhaps_billed=False)
            raise
        return reply, self._record(call, request, upstream, reply)

    def _check(self, request: Request) -> None:
        reason = self.tally.stopped or self.tally.stopped_models.get(request.model.model)
        if reason:
            raise _Refused(reason)

    def _record(
        self, call: int, request: Request, upstream: Upstream, reply: Reply
    ) -> float | None:
        """Journal what came of a call; its cost, None where it may have cost the most."""
        answer = reply.json if reply.fine else None
        if answer is not None and request.model.asking:
            try:
                read = read_answer(request.model.asking, answer)
            except EndpointError:
                self.journal.failed(call, upstream.key.hidden(reply.text), perhaps_billed=True)
                return None
            cost = cost_usd(request.model, read.usage)
            self.journal.answered(call, Kept(read, cost))
            return cost
        perhaps = reply.fine or (reply.status == 0 and reply.sent)
        reason = str(upstream.error(request.path, reply))
        self.journal.failed(call, reason, perhaps_billed=perhaps)
        return None if perhaps else 0.0

    def _outcome(self, request: Request, upstream: Upstream, reply: Reply) -> Kept | Missing:
        name = request.model.model
        kept = self.journal.find(request.question.key)
        if kept:
            self._failures[name] = 0
            return kept
        reason = self._told(request, upstream, reply)
        if self._all_or_nothing:
            self.stop(reason)
        self._failures[name] += 1
        often = self._failures[name] >= _MOST_FAILURES_IN_A_ROW
        if reply.status in _LASTING_STATUS or often:
            return self._give_up(request.model, reason)
        return Missing(reason)

    def _told(self, request: Request, upstream: Upstream, reply: Reply) -> str:
        answer = reply.json if reply.fine else None
        if answer is None or not request.model.asking:
            return str(upstream.error(request.path, reply))[:_LONGEST_REASON]
        try:
            read_answer(request.model.asking, answer)
        except EndpointError as error:
            return str(error)[:_LONGEST_REASON]
        return ""

    def _give_up(self, model: Model, reason: str) -> Missing:
        if self._all_or_nothing:
            self.stop(reason)
        self.tally.stopped_models.setdefault(model.model, reason)
        return Missing(reason)

    def _upstream(self, request: Request) -> Upstream:
        endpoint = asking_of(request.model).endpoint
        if endpoint.name not in self._upstreams:
            self._upstreams[endpoint.name] = Upstream(endpoint, **self._client)
        return self._upstreams[endpoint.name]


class _Refused(Exception):
    """Nothing may be sent any more."""
