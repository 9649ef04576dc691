"""Streamlit's settings as the running server has them in force, whatever its file says."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.desk_processes import ROOT, desk_environment
from tests.servers import wait_until

IN_FORCE = {
    "browser.gatherUsageStats": False,
    "client.allowedOrigins": [],
    "client.disableDataExport": True,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "global.developmentMode": False,
    "runner.magicEnabled": False,
    "server.address": "127.0.0.1",
    "server.enableAgentApi": False,
    "server.enableCORS": True,
    "server.enableStaticServing": False,
    "server.enableXsrfProtection": True,
    "server.fileWatcherType": "none",
    "server.headless": True,
    "server.trustedUserHeaders": {},
}

# Serves the pages as `streamlit run` does; once it is asked to, it tells what is in force in it.
TELLING = """
import json, sys, threading
from streamlit import config
from streamlit.web import cli

names = json.loads(sys.stdin.readline())

def tell():
    sys.stdin.readline()
    print("IN FORCE", json.dumps({name: config.get_option(name) for name in names}), flush=True)

threading.Thread(target=tell, daemon=True).start()
cli.main(["run", "app.py", *sys.argv[1:]])
"""


def test_the_running_server_has_the_safe_settings_in_force_c10(tmp_path: Path) -> None:
    environment = desk_environment(tmp_path)
    port = environment["ATLAS_UI_PORT"]
    server = subprocess.Popen(
        [sys.executable, "-c", TELLING, f"--server.port={port}"],
        cwd=ROOT,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        server.stdin.write(json.dumps(list(IN_FORCE)) + "\n")
        server.stdin.flush()
        wait_until(lambda: server.poll() is not None or _answers(port), 30)
        server.stdin.write("now\n")
        server.stdin.flush()
        told = next(line for line in server.stdout if line.startswith("IN FORCE"))
        assert json.loads(told.removeprefix("IN FORCE")) == IN_FORCE
    finally:
        server.terminate()
        server.communicate(timeout=10)


def _answers(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
            return True
    except OSError:
        return False
