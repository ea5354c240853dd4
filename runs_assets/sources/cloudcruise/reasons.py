"""Who can most likely fix an error of CloudCruise, as far as its words show.

The categories and their kinds are those of the vendor's page "Maintenance agent": a user error needs other data or
credentials, a workflow error another workflow, and an external error is the target site's. Codes are given by whoever
builds the workflows; of these, and of words that the page does not have, only those that are unambiguous are used.
"""

import re

from runs_assets.reasons.reason import NOT_KNOWN, UNKNOWN_CATEGORY, Attribution, ErrorGroup, Reason

OURS, PLATFORM, CUSTOMER, UNKNOWN = Attribution
_PHRASES = {
    "USER ERROR": CUSTOMER,
    "PAGE NOT FOUND": CUSTOMER,
    "MULTIPLE MATCHING RESULTS FOUND": CUSTOMER,
    "ACTION BLOCKED BY PLATFORM": CUSTOMER,  # the target site is meant
    "WORKFLOW ERROR": OURS,
    "EXTERNAL ERROR": CUSTOMER,
    "PAGE STILL LOADING": CUSTOMER,
    "ACCOUNT LOGGED OUT": CUSTOMER,
}
_WORDS = {
    **dict.fromkeys(("INTERNAL", "PLATFORM", "INFRASTRUCTURE", "CLOUDCRUISE"), PLATFORM),
    **dict.fromkeys(("XPATH", "SELECTOR", "ELEMENT", "UI", "POPUP", "WORKFLOW"), OURS),
    **dict.fromkeys(("CREDENTIAL", "CREDENTIALS", "AUTHENTICATION", "PASSWORD", "LOGIN", "CAPTCHA"), CUSTOMER),
    **dict.fromkeys(("USER", "INPUT", "INPUTS", "CUSTOMER"), CUSTOMER),
    **dict.fromkeys(("SITE", "WEBSITE", "PORTAL", "NETWORK", "TIMEOUT", "SERVICE", "EXTERNAL"), CUSTOMER),
}


def reason_of_error(group: ErrorGroup) -> Reason:
    """The reason is the code; the first of category, sub type and code that is unambiguous decides the attribution."""
    words = (group.category, group.sub_type, group.code)
    known = (one for word in words if word and (one := _attribution_of(word)) is not UNKNOWN)
    reason = group.code or group.sub_type or group.category or NOT_KNOWN.reason
    return Reason(reason, group.category or UNKNOWN_CATEGORY, next(known, UNKNOWN))


def _attribution_of(word: str) -> Attribution:
    tokens = re.findall(r"[A-Z0-9]+", word.upper())
    if (phrase := " ".join(tokens)) in _PHRASES:
        return _PHRASES[phrase]
    found = {_WORDS[token] for token in tokens if token in _WORDS}
    return found.pop() if len(found) == 1 else UNKNOWN
