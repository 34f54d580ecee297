"""What the gateway serves with: router, pool, policies. One immutable value, replaced as a whole.

Takes the router's folder and the settings; gives a `Setup`, or an error and then nothing has
changed. Opens no connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from finerouter.asking import Asking
from finerouter.errors import ConfigError, UserError
from finerouter.gateway.access.checking import check_settings
from finerouter.gateway.money.savings import Elsewhere
from finerouter.gateway.settings import AUTO, GatewaySettings
from finerouter.gateway.settings_file import policies
from finerouter.policy import Policy, decide
from finerouter.pool import Model, ModelPool
from finerouter.router import Router

CHEAPEST = Policy(min_quality=0.0)


@dataclass(frozen=True)
class Setup:
    """All that one request is served with, from its first byte to its last.

    Attributes:
        settings: of gateway.toml.
        router: with today's prices.
        models: all of the pool that can be asked, by name; those that the router does not know can
            be asked by name only.
        policies: by name.
        always_best: the model with the best mean quality in training.
    """

    settings: GatewaySettings
    router: Router
    models: Mapping[str, Model]
    policies: Mapping[str, Policy]
    always_best: str

    @cached_property
    def unreachable(self) -> Mapping[str, str]:
        """Models of the router that cannot be asked, with the reason."""
        return {
            name: "the pool file names no endpoint for it"
            for name in self.router.models
            if name not in self.models
        }

    @cached_property
    def virtual_models(self) -> tuple[str, ...]:
        """`auto`, and `auto:NAME` for every policy."""
        return (AUTO, *(f"{AUTO}:{name}" for name in self.policies))

    @cached_property
    def elsewhere(self) -> Elsewhere:
        """The models that costs are compared with."""
        baseline = self.settings.baseline
        return Elsewhere(
            best=self.models[self.always_best],
            baseline=None if baseline is None else self.models[baseline],
        )

    def askings(self, name: str) -> tuple[Asking, ...]:
        """How a model of the pool can be asked."""
        return self.models[name].askings


def load_setup(
    router_folder: Path, settings: GatewaySettings, *, allow_remote: bool = False
) -> Setup:
    """Load and check everything that serving needs.

    Args:
        router_folder: as `finerouter train` wrote it.
        settings: of gateway.toml.
        allow_remote: whether the router's embeddings endpoint may be used.

    Raises:
        UserError: something is missing or does not fit; says what to do.
    """
    pool_file = Path(settings.pool)
    pool = ModelPool.read(pool_file)
    router = Router.load(router_folder, allow_remote=allow_remote)
    known = [model.model for model in pool if model.model in router.models]
    if not known:
        raise ConfigError(
            f"{pool_file}: has none of the router's models ({', '.join(router.models)}); "
            "give them their endpoints there"
        )
    router = router.with_pool(pool.subset(known))
    models = {model.model: model for model in pool if model.askings}
    if not any(name in models for name in known):
        raise ConfigError(
            f"{pool_file}: no model of the router has an `endpoint`; add [endpoints.NAME] with its "
            'base_url, and `endpoint = "NAME"` to the models'
        )
    setup = Setup(settings, router, models, policies(settings), _always_best(router, models))
    _check(setup)
    return setup


def _always_best(router: Router, models: Mapping[str, Model]) -> str:
    """The best single model of training; the best expected one where that cannot be asked."""
    best = router.training.info.get("cross_validation", {}).get("best_single")
    if best in models:
        return str(best)
    quality = router.quality.priors[0].overall
    order = sorted(zip(quality.tolist(), router.models, strict=True), reverse=True)
    return next(name for _, name in order if name in models)


def _check(setup: Setup) -> None:
    """Refuse at the start what would fail at every request."""
    settings = setup.settings
    unpriced = [name for name, model in setup.models.items() if not model.priced]
    check_settings(settings, setup.models, setup.policies, unpriced=unpriced)
    if settings.baseline is not None and settings.baseline not in setup.models:
        raise ConfigError(
            f"baseline {settings.baseline!r} is not in the pool; it has {', '.join(setup.models)}"
        )
    clash = next((name for name in setup.models if name.split(":")[0] == AUTO), None)
    if clash is not None:
        raise ConfigError(f"a model cannot be called {clash!r}: that name routes; rename it")
    for name, policy in setup.policies.items():
        _check_policy(setup, name, policy)


def _check_policy(setup: Setup, name: str, policy: Policy) -> None:
    try:
        # Unread: a start must not hang on an encoder that is an endpoint.
        estimate = setup.router.estimate_unread(["Is everything there that this policy needs?"])
        decide(estimate, policy, setup.router.pool)
    except UserError as error:
        raise ConfigError(f"[policies.{name}]: {error}") from error
