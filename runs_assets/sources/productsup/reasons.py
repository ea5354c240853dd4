"""What the exit codes of connectors mean, by the vendor's convention for the connectors that it builds itself."""

from runs_assets.reasons.reason import Attribution, Reason

NO_CODE = "no exit code"
_BY_CONVENTION = {
    192: ("engineering", Attribution.PLATFORM),
    224: ("support", Attribution.PLATFORM),
    240: ("client", Attribution.CUSTOMER),
    10: ("feedback file", Attribution.CUSTOMER),
}


def reason_of_exit_code(exit_code: int | None, is_own: bool) -> Reason:
    """Why a failed run ended with `exit_code`, for triage.

    The convention is Productsup's, for connectors that Productsup builds: a label for triage, not a guarantee, since
    any connector may end with any code. Other codes are ours to fix where the connector is ours (`is_own`: the API
    lists it, which it does for one's own alone). A failed run with code 0, or with none, has no exit code to go by.
    """
    if not exit_code:
        return Reason(NO_CODE)
    other = Attribution.OURS if is_own else Attribution.UNKNOWN
    category, attribution = _BY_CONVENTION.get(exit_code, ("other", other))
    return Reason(f"exit code {exit_code}", category, attribution)
