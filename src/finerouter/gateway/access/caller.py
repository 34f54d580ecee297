"""Whoever sent a request, and the error for one who may not.

Plain values. Knows nothing of how a caller is told by its key.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from finerouter.errors import FinerouterError
from finerouter.gateway.settings import BudgetTable
from finerouter.policy import Policy

UNKEYED = ""


class Refused(FinerouterError):
    """A request that is not served.

    Attributes:
        status: of HTTP. message: for the client; holds no key.
        kind: the error's type as the clients' APIs name it, such as "permission_error".
        retry_after_s: when asking again could help, None if it could not.
    """

    def __init__(
        self, status: int, message: str, kind: str, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    Attributes:
        name: of the key, "" for a caller without one.
        scopes: what it may do; none implies another.
        allow: models it may use, None for all; deny: models it may not.
        policy: its policy for `auto`, None for the gateway's.
        budget: its own, beside that of all.
    """

    name: str
    scopes: frozenset[str]
    allow: frozenset[str] | None = None
    deny: frozenset[str] = frozenset()
    policy: str | None = None
    budget: BudgetTable = field(default_factory=BudgetTable)

    def may_use(self, model: str) -> bool:
        """Whether its key opens this model."""
        return model not in self.deny and (self.allow is None or model in self.allow)

    def check_model(self, model: str) -> None:
        """Refuse a model that its key does not open.

        Raises:
            Refused: 403.
        """
        if not self.may_use(model):
            raise Refused(
                403,
                f"key {self.name!r} may not use model {model!r}; ask for another model or for auto",
                "permission_error",
            )

    def narrowed(self, policy: Policy) -> Policy:
        """The policy with only those models that the key opens; never a wider one."""
        if self.allow is None and not self.deny:
            return policy
        allow = policy.allow
        if self.allow is not None:
            allow = self.allow if allow is None else allow & self.allow
        return replace(policy, allow=allow, deny=policy.deny | self.deny)
