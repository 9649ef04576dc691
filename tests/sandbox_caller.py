"""A caller of the sandbox that knows only the vendor's pages, for the sandbox's own tests."""

from dataclasses import dataclass
from typing import Any

import requests

from atlas_core.sandbox import make_application
from tests.servers import Lender, RunningSandbox, wait_until

API = "/v3/verification"
CREDENTIALS = {"Client-Id": "sandbox", "Client-Secret": "sandbox"}
NEW, DONE = ("NOT_STARTED",) * 4, ("SUCCESS", "SUCCESS", "COMPLETED", "SUCCESS")


@dataclass
class Caller:
    """Documented calls, one a method; answers come as they are."""

    sandbox: RunningSandbox
    lender: Lender
    token: str = ""

    def __post_init__(self) -> None:
        self.token = self.authtoken().json()["access_token"]

    def _call(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = more.pop("headers", {"Token": self.token})
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                self.sandbox.url + API + path,
                headers=headers,
                timeout=10,
                allow_redirects=False,
                **more,
            )

    def authtoken(self, headers: dict[str, str] | None = None) -> requests.Response:
        return self._call("POST", "/authtoken", headers=CREDENTIALS if headers is None else headers)

    def init(self, **changes: Any) -> requests.Response:
        body = {
            "product_type": "PROD_CDL",
            "application_id": "APP-1",
            "auth_url": f"{self.lender.url}/auth",
            "callback_url": f"{self.lender.url}/callback",
            "flow_params": {"branch": "Pune"},
        }
        kept = {name: value for name, value in {**body, **changes}.items() if value is not ...}
        return self._call("POST", "/flow/init", json=kept)

    def multiupload(self, flow_uuid: str, documents: Any) -> requests.Response:
        return self._call("POST", "/multiupload", json={"flow_uuid": flow_uuid, "file_urls": documents})

    def status(self, flow_uuid: str) -> requests.Response:
        return self._call("GET", "/status", params={"flow_uuid": flow_uuid})

    def extracts(self, flow_uuid: str) -> requests.Response:
        return self._call("GET", "/extracts", params={"flow_uuid": flow_uuid})

    def start(self, number: int = 1) -> str:
        """A flow with all its documents uploaded."""
        application = make_application("tests", number, base_url=self.sandbox.url)
        flow_uuid = str(self.init(application_id=application["application_id"]).json()["flow_uuid"])
        assert self.multiupload(flow_uuid, application["documents"]).status_code == 201
        return flow_uuid

    def finish(self, number: int = 1) -> str:
        """A flow that has ended."""
        flow_uuid = self.start(number)
        wait_until(lambda: self.status(flow_uuid).json()["master_status"] in ("SUCCESS", "FAILED"))
        return flow_uuid
