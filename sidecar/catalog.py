"""The table of methods and chores: what the process serves, and what the contract is made from.

A handler module declares a method by two structs and a decorated function:

    class WorkflowsGetParams(Params, frozen=True): ...
    class WorkflowsGetResult(Result, frozen=True): ...

    @method("workflows.get", access="read", errors=(NotFound,))
    def get(ctx: Context, params: WorkflowsGetParams) -> WorkflowsGetResult: ...

The two types are read from the signature, and the description in the contract is the docstring.
Params list the required members first, because params by position are read in that order. A
wrong declaration raises TypeError at import. This module knows no handler and no wire.

A chore is work that the process does by itself, such as a purge: a function that runs like a
long method, without a request that waits for it.
"""

import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta

from sidecar import limits, log
from sidecar.context import Context, LongContext
from sidecar.errors import OutOfResources, SidecarError
from sidecar.methods import CHORE_MODULES, METHOD_MODULES
from sidecar.null_params import accepting_null, leaves_undecoded

Access = Literal["none", "read", "write"]
"""The needs of a short method: nothing, the connection, or its burst's write transaction."""


_WITHOUT_CLIENT = {
    "secrets.get": False,
    "secrets.verify": False,
    "workflows.delete": True,
    "workflows.delete_many": True,
}
"""Exceptions from `Method.runs_without_client`: short methods that write and are called for their
answer, and long ones that are as urgent as a save."""


_IN_RESCUE = frozenset(
    {
        "system.ping", "system.info", "system.shutdown", "system.check",
        "system.recover", "backups.list", "backups.verify", "backups.restore", "rpc.discover",
    }
)  # fmt: skip
"""The methods for which `Method.in_rescue` is true: those that help to bring a database back, and
those that need none. Others would count or change what is not there, or need the audit log."""


class Params(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The params of one method; unknown members are refused."""

    published: ClassVar["type[Params] | None"] = None
    """The params that the contract shows, for a struct that leaves a member undecoded."""
    mends: ClassVar[frozenset[str]] = frozenset()
    """Params that are repaired where they are not JSON, instead of being refused."""


class Result(msgspec.Struct, frozen=True):
    """The result of one method; it always has all its fields."""


class MayBeDamaged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The additional members of a list's item when its row is damaged."""

    damaged: Annotated[
        bool,
        Meta(
            description="Present and true when a cell of the row is damaged: another value is in"
            " its place, and reading the row alone fails. system.check says what is damaged."
        ),
    ] = False


_HAS_NO_DOCSTRINGS = sys.flags.optimize > 1
"""Whether Python was told to leave all docstrings out; `sidecar.docstrings` then reads them."""


def _is_write_only(kind: Any) -> bool:
    """Return whether a type, or a part of it, is annotated as JSON Schema's writeOnly."""
    annotated = getattr(kind, "__metadata__", ())
    schemas = [each.extra_json_schema for each in annotated if isinstance(each, msgspec.Meta)]
    return any(schema and schema.get("writeOnly") for schema in schemas) or any(
        _is_write_only(part) for part in get_args(kind)
    )


class Method:
    """One method: its function, its types and what it needs to be served."""

    def __init__(
        self,
        name: str,
        function: Callable[[Any, Any], Any],
        access: Access,
        errors: tuple[type[SidecarError], ...],
        *,
        long: bool,
        sensitive: bool = False,
        frees_space: bool = False,
        succeeds_unlogged: bool = False,
    ) -> None:
        """Read the types of `function`; decoders are made when they are first needed.

        Raises:
            TypeError: the function has no docstring, or not the two struct types.
        """
        params = function.__annotations__.get("params")
        result = function.__annotations__.get("return")
        if not (isinstance(params, type) and issubclass(params, Params)):
            message = f"{name}: its params must be a subclass of Params."
            raise TypeError(message)
        if result is None or not (function.__doc__ or _HAS_NO_DOCSTRINGS):
            message = f"{name}: it needs a docstring and a result type."
            raise TypeError(message)
        self.name = name
        self.function = function
        self.access = access
        self.errors = errors
        self.long = long
        self.sensitive = sensitive
        self.frees_space = frees_space
        self.succeeds_unlogged = succeeds_unlogged
        self.replaces_file = False
        """Set by `method` for one that puts another file in the place of the database."""
        self.in_rescue = name in _IN_RESCUE
        """Whether it is served while the database cannot be opened."""
        self.runs_without_client = _WITHOUT_CLIENT.get(name, access == "write")
        """Whether it runs after the client closed stdout or died: short methods that write do."""
        self.decoded: type[Params] = params
        self.params: type[Params] = params.published or params
        self.result: Any = result

    @cached_property
    def quick(self) -> type[Params]:
        """Return the struct that params are decoded as first: null is seldom sent.

        Where a param is left undecoded a null is decoded, too, and must be found afterwards.
        """
        struct = self.decoded
        return accepting_null(struct) if leaves_undecoded(struct) else struct

    @cached_property
    def decode(self) -> Callable[[Any], Any]:
        """Return the function that decodes params by name: JSON bytes to the params struct."""
        return msgspec.json.Decoder(self.quick).decode

    @cached_property
    def decode_with_null(self) -> Callable[[Any], Any]:
        """Return the function that also accepts null for each member that may be left out."""
        return msgspec.json.Decoder(accepting_null(self.decoded)).decode

    @cached_property
    def secret_params(self) -> frozenset[str]:
        """Return the names of the params that are secrets: those that no answer ever contains."""
        return frozenset(
            field.encode_name
            for field in msgspec.structs.fields(self.params)
            if _is_write_only(field.type)
        )

    @cached_property
    def _by_position(self) -> type[msgspec.Struct]:
        """Return the params struct as one that is decoded from a JSON array."""
        fields: list[Any] = [
            (field.name, field.type)
            if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
            else (field.name, field.type, field.default)
            for field in msgspec.structs.fields(accepting_null(self.decoded))
        ]
        return msgspec.defstruct(
            f"{self.decoded.__name__}ByPosition",
            fields,
            array_like=True,
            forbid_unknown_fields=True,
        )

    def decode_array(self, raw: Any) -> Any:
        """Decode params by position, in the order in which the struct lists its members."""
        values = msgspec.json.decode(raw, type=self._by_position)
        return accepting_null(self.decoded)(**msgspec.structs.asdict(values))

    def field_names(self) -> list[str]:
        """Return the names of the params in order."""
        return [field.encode_name for field in msgspec.structs.fields(self.params)]


METHODS: dict[str, Method] = {}
"""The methods of the handler modules that are loaded, by their names."""

_FOUND: dict[str, Method] = {}
"""The methods that were called, whose modules are completely loaded."""


def find_method(name: str) -> Method | None:
    """Return a method, whose handler module is loaded when it is first called.

    Raises:
        OutOfResources: the module cannot be loaded: the program's folder was replaced or removed.
    """
    found = _FOUND.get(name)
    if found is None:
        _load_handler(METHOD_MODULES.get(name))
        found = METHODS.get(name)
        if found is not None:
            _FOUND[name] = found
    return found


def load_handlers() -> Iterator[str]:
    """Load every handler module, the next one at each step."""
    for module in dict.fromkeys((*METHOD_MODULES.values(), *CHORE_MODULES.values())):
        _load_handler(module)
        yield module


def all_methods() -> list[Method]:
    """Return every method, in the order of the contract, after all handler modules are loaded."""
    for _ in load_handlers():
        pass
    return [METHODS[name] for name in METHOD_MODULES]


def _load_handler(module: str | None) -> None:
    """Load a handler module; while another thread loads it, wait until it has.

    Raises:
        OutOfResources: it cannot be loaded.
    """
    if module is None:
        return
    try:
        import_module(f"sidecar.handlers.{module}")
    except Exception as fault:
        log.error("not_loaded", module=module, kind=type(fault).__name__)
        raise OutOfResources.not_loaded() from fault


class Chore(msgspec.Struct, frozen=True):
    """One chore: its function and its times."""

    name: str
    function: Callable[[LongContext], None]
    first_ms: int
    """Milliseconds from the start of the process to the first run."""
    every_ms: int | None
    """Milliseconds between two runs; None for a chore that runs again only when scheduled."""
    waits_for_none: bool = False
    """Whether it starts at its time whatever else runs: it is short and must not be late, or it
    waits for a network, and others must not wait for it."""
    is_left_at_end: bool = False
    """Whether the process ends while it runs, if it takes long: it has nothing to close."""

    @property
    def retry_ms(self) -> int:
        """Return the time to the next try of a run that was refused."""
        return self.first_ms if self.waits_for_none else limits.CHORES_FIRST_MS


def _row(
    name: str,
    first_ms: int,
    every_ms: int | None = None,
    *,
    waits_for_none: bool = False,
    is_left_at_end: bool = False,
) -> Chore:
    """Return a chore whose handler module is loaded when it first runs."""

    def load_and_run(ctx: LongContext) -> None:
        _load_handler(CHORE_MODULES[name])
        CHORES[name].function(ctx)

    return Chore(name, load_and_run, first_ms, every_ms, waits_for_none, is_left_at_end)


CHORES: dict[str, Chore] = {
    each.name: each
    for each in (
        _row("modules", limits.MODULES_FIRST_MS, is_left_at_end=True),
        _row("integrity", limits.CHORES_FIRST_MS),
        _row("purge", limits.CHORES_FIRST_MS),
        _row("run_retention", limits.CHORES_FIRST_MS, limits.RETENTION_EVERY_MS),
        _row("audit_pruned", limits.CHORES_FIRST_MS),
        _row("backups", limits.BACKUPS_FIRST_MS, limits.BACKUPS_EVERY_MS),
        _row("remotes", limits.REMOTES_FIRST_MS, limits.REMOTES_EVERY_MS, waits_for_none=True),
        _row("refusals", limits.REFUSALS_FOLDED_MS),
        _row("secrets_rotate", limits.DATA_KEY_CHECK_MS, limits.DATA_KEY_CHECK_MS),
        _row("vault_lock", limits.LOCK_CHECK_MS, waits_for_none=True),
        _row("vault_settle", limits.CHORES_FIRST_MS),
        _row("revisions", limits.CHORES_FIRST_MS),
        _row("trash", limits.CHORES_FIRST_MS, limits.RETENTION_EVERY_MS),
        _row("warnings", limits.CHORES_FIRST_MS, limits.WARNINGS_EVERY_MS),
    )
}
"""Every chore by its name, whether its handler module is loaded or not."""


def chore(name: str) -> Callable[[Callable[[LongContext], None]], Callable[[LongContext], None]]:
    """Declare the function of a chore that `CHORES` has."""

    def declare(function: Callable[[LongContext], None]) -> Callable[[LongContext], None]:
        CHORES[name] = msgspec.structs.replace(CHORES[name], function=function)
        return function

    return declare


P = TypeVar("P", bound=Params)
R = TypeVar("R")
C = TypeVar("C", bound=Context)


def method(
    name: str,
    *,
    access: Access = "none",
    long: bool = False,
    sensitive: bool = False,
    frees_space: bool = False,
    succeeds_unlogged: bool = False,
    replaces_file: bool = False,
    errors: tuple[type[SidecarError], ...] = (),
) -> Callable[[Callable[[C, P], R]], Callable[[C, P], R]]:
    """Declare a method. `errors` are its own errors, besides those that every method can give.

    A `sensitive` method answers with a secret: its line is wiped once written, and when its
    audit entry cannot be written no answer leaves.
    A method with `frees_space` may write into the reserve that is kept for a full disk.
    A method with `succeeds_unlogged` acts in memory: its answer is sent also when its audit
    entry cannot be written.
    A long method with `replaces_file` puts another file in the place of the database, unless its
    param `dry_run` is true: then it runs alone, and all other long methods use one file.
    """

    def declare(function: Callable[[C, P], R]) -> Callable[[C, P], R]:
        if name in METHODS:
            message = f"{name} is declared twice."
            raise TypeError(message)
        if access not in get_args(Access):
            message = f"{name}: no such access: {access}."
            raise TypeError(message)
        METHODS[name] = declared = Method(
            name,
            function,
            access,
            errors,
            long=long,
            sensitive=sensitive,
            frees_space=frees_space,
            succeeds_unlogged=succeeds_unlogged,
        )
        declared.replaces_file = replaces_file
        return function

    return declare
