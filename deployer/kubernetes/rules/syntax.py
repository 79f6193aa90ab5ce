"""The forms of names in Kubernetes.

Source: staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go of Kubernetes. Each function returns what is
expected, in words, of a text that is not of the form, and an empty string for one that is.
"""

from __future__ import annotations

import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_QUANTITY = re.compile(r"[+]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?")
_MAX_PART = 63
_MAX_SUBDOMAIN = 253


def dns_label(text: str) -> str:
    """A name of DNS-1123 without dots: a namespace, a volume."""
    if len(text) <= _MAX_PART and _LABEL.fullmatch(text):
        return ""
    return f"at most {_MAX_PART} small letters, digits and '-', with a letter or digit at both ends"


def dns_subdomain(text: str) -> str:
    """A name of DNS-1123 with dots: most objects."""
    if len(text) <= _MAX_SUBDOMAIN and _SUBDOMAIN.fullmatch(text):
        return ""
    return f"at most {_MAX_SUBDOMAIN} small letters, digits, '-' and '.', with a letter or digit at both ends"


def qualified_name(text: str) -> str:
    """The key of a label, an annotation, a taint or a resource: a name, or ``prefix/name`` with a DNS prefix."""
    *prefix, name = text.split("/")
    if len(prefix) > 1 or (prefix and dns_subdomain(prefix[0])) or len(name) > _MAX_PART or not _NAME.fullmatch(name):
        return (
            f"at most {_MAX_PART} letters, digits, '-', '_' and '.', with a letter or digit at both ends; before it may"
            " be a DNS name and '/'"
        )
    return ""


def annotation_key(text: str) -> str:
    """The key of an annotation: its prefix may have capital letters."""
    return qualified_name(text.lower()) if text else qualified_name(text)


def label_value(text: str) -> str:
    """The value of a label or a taint; it may be empty."""
    if not text or (len(text) <= _MAX_PART and _NAME.fullmatch(text)):
        return ""
    return f"at most {_MAX_PART} letters, digits, '-', '_' and '.', with a letter or digit at both ends"


def variable_name(text: str) -> str:
    """The name of an environment variable, as every Kubernetes takes it: newer ones take more."""
    if _VARIABLE.fullmatch(text) and text != "." and not text.startswith(".."):
        return ""
    return "letters, digits, '_', '-' and '.', and no digit at the start"


def quantity(text: str) -> str:
    """An amount with or without a unit, such as ``2``, ``0.5``, ``500m`` or ``4Gi``; not negative."""
    return "" if _QUANTITY.fullmatch(text) else "an amount such as 2, 500m or 4Gi"
