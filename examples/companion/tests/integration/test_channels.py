"""The channels, each against a small server or program of its own."""

from __future__ import annotations

import email
import json
import socket
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller

from companion import payloads
from companion.alerts import Alert, Attempt, _deliver
from companion.channels import CommandChannel, HttpChannel, MailChannel, from_settings
from companion.config import Settings, from_environment
from companion.errors import AlertError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

    from companion.alerts import Channel
