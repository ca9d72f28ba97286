from __future__ import annotations

from pytest_nadia.redis.command import main

raise SystemExit(main())
