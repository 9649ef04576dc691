"""A wrong or missing setting stops with a sentence naming it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from atlas_core.errors import SettingsError
from atlas_core.settings import Settings, load_settings

NOWHERE = Path("/nonexistent/.env")
CREDENTIALS = {"ATLAS_CLIENT_ID": "desk", "ATLAS_CLIENT_SECRET": "quiet"}


def settings_of(**environ: str) -> Settings:
    return load_settings(environ, NOWHERE)


def test_without_any_setting_it_is_the_sandbox_on_loopback() -> None:
    settings = settings_of()
    assert settings.uses_sandbox
    assert settings.base_url == "http://127.0.0.1:8700"
    assert settings.receiver_url == "http://127.0.0.1:8600"
    assert (settings.ui_address, settings.receiver_address) == ("127.0.0.1", "127.0.0.1")
    assert (settings.ui_port, settings.poll_seconds, settings.product_type) == (8501, 5, "PROD_CDL")
    assert (settings.strong_from, settings.review_below) == (90, 70)


def test_with_credentials_it_is_the_real_atlas() -> None:
    settings = settings_of(**CREDENTIALS)
    assert not settings.uses_sandbox
    assert settings.base_url == "https://api.helloatlas.in"
    assert settings.local_atlas is None


def test_hosts_of_documents_are_read_with_commas_between_them() -> None:
    assert settings_of().file_hosts == ()
    hosts = settings_of(ATLAS_FILE_HOSTS=" Files.Your-Bank.in, .s3.amazonaws.com ,").file_hosts
    assert hosts == ("files.your-bank.in", ".s3.amazonaws.com")


@pytest.mark.parametrize("tail", ["", "/", "/v3/verification", "/v3/verification/"])
def test_the_base_address_is_understood_with_and_without_its_prefix(tail: str) -> None:
    settings = settings_of(ATLAS_BASE_URL=f"http://127.0.0.1:9000{tail}", **CREDENTIALS)
    assert settings.base_url == "http://127.0.0.1:9000"
    assert settings.local_atlas == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"ATLAS_CLIENT_ID": "desk"}, "ATLAS_CLIENT_SECRET"),
        ({"ATLAS_CLIENT_SECRET": "quiet"}, "ATLAS_CLIENT_ID"),
        ({"ATLAS_BASE_URL": "https://atlas.example"}, "ATLAS_CLIENT_ID"),
        ({"ATLAS_CALLBACK_CLIENT_ID": "atlas"}, "ATLAS_CALLBACK_CLIENT_SECRET"),
        ({"ATLAS_BASE_URL": "http://atlas.example", **CREDENTIALS}, "ATLAS_BASE_URL"),
        ({"ATLAS_BASE_URL": "ftp://atlas.example", **CREDENTIALS}, "ATLAS_BASE_URL"),
        ({"ATLAS_BASE_URL": "https://atlas@evil.example", **CREDENTIALS}, "ATLAS_BASE_URL"),
        ({"ATLAS_UI_PORT": "eighty"}, "ATLAS_UI_PORT"),
        ({"ATLAS_FILE_HOSTS": "https://files.your-bank.in"}, "ATLAS_FILE_HOSTS"),
        ({"ATLAS_FILE_HOSTS": "*"}, "ATLAS_FILE_HOSTS"),
        ({"ATLAS_UI_PORT": "0"}, "ATLAS_UI_PORT"),
        ({"ATLAS_UI_PORT": "9" * 5000}, "ATLAS_UI_PORT"),  # once a ValueError: too long for int()
        ({"ATLAS_UI_PORT": "8600"}, "ATLAS_RECEIVER_PORT"),
        ({"ATLAS_POLL_SECONDS": "2"}, "ATLAS_POLL_SECONDS"),
        ({"ATLAS_POLL_SECONDS": "nan"}, "ATLAS_POLL_SECONDS"),
        ({"ATLAS_STRONG_FROM": "60"}, "ATLAS_REVIEW_BELOW"),
        ({"ATLAS_REVIEW_BELOW": "-1"}, "ATLAS_REVIEW_BELOW"),
        ({"ATLAS_REVIEW_BELOW": "69.5"}, "ATLAS_REVIEW_BELOW"),
        ({"ATLAS_CA_BUNDLE": "/nonexistent/ca.pem"}, "ATLAS_CA_BUNDLE"),
        ({"ATLAS_PRODUCT_TYPE": "a\nb"}, "ATLAS_PRODUCT_TYPE"),
        ({"ATLAS_RECEIVER_URL": "nowhere"}, "ATLAS_RECEIVER_URL"),
        ({"ATLAS_RECEIVER_PROXY": "proxy.lender.example"}, "ATLAS_RECEIVER_PROXY"),
        ({"ATLAS_RECEIVER_PROXY": "10.0.0.0/8"}, "ATLAS_RECEIVER_PROXY"),
        ({"ATLAS_CALLBACK_ADDRESSES": "203.0.113.0/24; 198.51.100.1"}, "ATLAS_CALLBACK_ADDRESSES"),
        ({"ATLAS_CALLBACK_ADDRESSES": "203.0.113.7/24"}, "ATLAS_CALLBACK_ADDRESSES"),
        ({"ATLAS_ALERT_WEBHOOK": "http://hooks.example/secret-part"}, "ATLAS_ALERT_WEBHOOK"),
        ({"ATLAS_ALERT_WEBHOOK": "https://hooks.example:99999/secret-part"}, "ATLAS_ALERT_WEBHOOK"),
        ({"ATLAS_ALERT_WEBHOOK": "https://user:word@hooks.example/x"}, "ATLAS_ALERT_WEBHOOK"),
        ({"ATLAS_ALERT_FAILURE_PERCENT": "0"}, "ATLAS_ALERT_FAILURE_PERCENT"),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        settings_of(**environ)


def test_a_name_that_is_nearly_a_settings_is_refused_with_the_right_one() -> None:
    for name, meant in (
        ("ATLAS_FILE_HOST", "ATLAS_FILE_HOSTS"),
        ("ATLAS_KEEP_PERSONAL_DAY", "ATLAS_KEEP_PERSONAL_DAYS"),
        ("ATLAS_OICD_PROVIDER", "ATLAS_OIDC_PROVIDER"),
        ("ATLAS_PROXY_USERS_HEADER", "ATLAS_PROXY_USER_HEADER"),
    ):
        with pytest.raises(SettingsError, match=f"{name} is not a setting. {meant} is"):
            settings_of(**{name: "x"})
    settings_of(ATLAS_TOKEN="another program's", ATLAS_DATADOG="1")


SAMPLE = Path(__file__).resolve().parents[1] / ".deploy" / "settings.example"


def test_the_sample_is_refused_until_every_placeholder_is_written_over() -> None:
    sample = dict(
        line.split("=", 1) for line in SAMPLE.read_text(encoding="utf-8").splitlines() if line[:1] == "A"
    )
    left = {name for name, value in sample.items() if re.search("[A-Z]-[A-Z]", value)}
    assert len(left) == 9
    with pytest.raises(SettingsError) as refused:
        load_settings({}, SAMPLE)
    assert left == set(str(refused.value).split(":")[0].split(", "))
    for name in left:
        with pytest.raises(SettingsError, match=f"^{name}: the sample's placeholder"):
            settings_of(**{name: sample[name]})
    filled = {name: value.lower().replace("write-", "mine-") for name, value in sample.items()}
    assert settings_of(**filled).file_hosts == ("files.your-bank.in",)


def test_networks_and_the_proxy_are_read_as_addresses() -> None:
    settings = settings_of(
        ATLAS_CALLBACK_ADDRESSES="203.0.113.0/24, 2001:db8::/32,198.51.100.1", ATLAS_RECEIVER_PROXY="10.0.0.2"
    )
    assert [str(network) for network in settings.callback_addresses] == [
        "203.0.113.0/24",
        "2001:db8::/32",
        "198.51.100.1/32",
    ]
    assert str(settings.receiver_proxy) == "10.0.0.2"
    assert settings_of().callback_addresses == ()
    assert settings_of().receiver_proxy is None


def test_the_receiver_is_reached_from_here_wherever_it_listens() -> None:
    for address, origin in (
        ("127.0.0.1", "http://127.0.0.1:8600"),
        ("0.0.0.0", "http://127.0.0.1:8600"),  # noqa: S104 read, not bound
        ("::", "http://[::1]:8600"),
        ("10.0.0.5", "http://10.0.0.5:8600"),
    ):
        assert settings_of(ATLAS_RECEIVER_ADDRESS=address).receiver_origin == origin


def test_settings_come_from_a_file_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("ATLAS_UI_PORT=9001\nATLAS_PRODUCT_TYPE=POC_CDL\n")
    settings = load_settings({"ATLAS_UI_PORT": "9002"}, file)
    assert (settings.ui_port, settings.product_type) == (9002, "POC_CDL")


def test_a_file_that_is_not_utf8_is_named_with_what_to_do(tmp_path: Path) -> None:
    """Every command once ended in a traceback."""
    file = tmp_path / ".env"
    file.write_bytes("# caf\xe9\nATLAS_UI_PORT=9001\n".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"\.env is not UTF-8 text\. Save it as UTF-8\."):
        load_settings({}, file)


def test_no_secret_shows_in_the_repr() -> None:
    settings = settings_of(
        **CREDENTIALS,
        ATLAS_CALLBACK_CLIENT_ID="caller",
        ATLAS_CALLBACK_CLIENT_SECRET="hush",
        ATLAS_PROXY="http://proxy.example:3128",
    )
    for secret in ("desk'", "quiet", "caller", "hush", "proxy.example"):
        assert secret not in repr(settings)


def test_the_address_of_the_webhook_is_never_repeated() -> None:
    good = settings_of(ATLAS_ALERT_WEBHOOK="https://hooks.example/services/secret-part?x=1")
    assert good.alert_webhook == "https://hooks.example/services/secret-part?x=1"
    assert "secret-part" not in repr(good)
    assert settings_of(ATLAS_ALERT_WEBHOOK="http://127.0.0.1:9/x").alert_webhook == "http://127.0.0.1:9/x"
    with pytest.raises(SettingsError) as refused:
        settings_of(ATLAS_ALERT_WEBHOOK="http://hooks.example/secret-part")
    assert "secret-part" not in str(refused.value)


def test_an_alert_leads_to_the_page_only_where_its_address_is_known() -> None:
    assert settings_of().operations_link == ""
    link = settings_of(ATLAS_UI_URL="https://desk.lender.example/").operations_link
    assert link == "https://desk.lender.example/operations"


def test_the_webhook_is_reached_as_atlas_is_unless_it_is_on_this_machine() -> None:
    proxy = {"ATLAS_PROXY": "http://proxy.lender.example:3128"}
    away = settings_of(ATLAS_ALERT_WEBHOOK="https://hooks.example/x", **proxy)
    here = settings_of(ATLAS_ALERT_WEBHOOK="http://localhost:9/x", **proxy)
    assert (away.alert_proxy, here.alert_proxy) == ("http://proxy.lender.example:3128", None)
