"""Whose matter an error of CloudCruise is, as far as its words tell.

The categories and their kinds are those of the vendor's page "Maintenance agent": a user error needs other data or
credentials, a workflow error another workflow, and an external error is the target site's. Codes are given by whoever
builds the workflows; of these, and of words that the page does not have, only those that are clear are read.
"""

import re

from runs_assets.reasons.reason import NOT_KNOWN, UNKNOWN_CATEGORY, ErrorGroup, Reason, Side

_PHRASES = {
    "USER ERROR": Side.CUSTOMER,
    "PAGE NOT FOUND": Side.CUSTOMER,
    "MULTIPLE MATCHING RESULTS FOUND": Side.CUSTOMER,
    "ACTION BLOCKED BY PLATFORM": Side.CUSTOMER,  # the target site is meant
    "WORKFLOW ERROR": Side.OURS,
    "EXTERNAL ERROR": Side.CUSTOMER,
    "PAGE STILL LOADING": Side.CUSTOMER,
    "ACCOUNT LOGGED OUT": Side.CUSTOMER,
}
_WORDS = {
    **dict.fromkeys(("INTERNAL", "PLATFORM", "INFRASTRUCTURE", "CLOUDCRUISE"), Side.PLATFORM),
    **dict.fromkeys(("XPATH", "SELECTOR", "ELEMENT", "UI", "POPUP", "WORKFLOW"), Side.OURS),
    **dict.fromkeys(("CREDENTIAL", "CREDENTIALS", "AUTHENTICATION", "PASSWORD", "LOGIN", "CAPTCHA"), Side.CUSTOMER),
    **dict.fromkeys(("USER", "INPUT", "INPUTS", "CUSTOMER"), Side.CUSTOMER),
    **dict.fromkeys(("SITE", "WEBSITE", "PORTAL", "NETWORK", "TIMEOUT", "SERVICE", "EXTERNAL"), Side.CUSTOMER),
}


def reason_of_error(group: ErrorGroup) -> Reason:
    """The reason is the code; the side is of the first of category, sub type and code that speaks of one side alone."""
    words = (group.category, group.sub_type, group.code)
    sides = (side for word in words if (side := _side_of(word or "")) is not Side.UNKNOWN)
    reason = group.code or group.sub_type or group.category or NOT_KNOWN.reason
    return Reason(reason, group.category or UNKNOWN_CATEGORY, next(sides, Side.UNKNOWN))


def _side_of(word: str) -> Side:
    tokens = re.findall(r"[A-Z0-9]+", word.upper())
    if (phrase := " ".join(tokens)) in _PHRASES:
        return _PHRASES[phrase]
    sides = {_WORDS[token] for token in tokens if token in _WORDS}
    return sides.pop() if len(sides) == 1 else Side.UNKNOWN
