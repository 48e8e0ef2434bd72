import re
from urllib.parse import quote, unquote

from django.urls import path, register_converter

from balai.portal.data import disbursements, flow, keys, kit, publishing, quarantine, snap, views


class Number:
    """A number that others give, whatever is in it, as one part of a path: what is unsafe there as ~2F."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        if value == "~":
            return ""
        if re.search("%|~(?![0-9A-F]{2})", value):
            raise ValueError
        return unquote(value.replace("~", "%"), errors="strict")

    def to_url(self, value: str) -> str:
        safe = quote(value, safe="").replace("~", "%7E")
        return (safe if safe.strip(".") else safe.replace(".", "%2E")).replace("%", "~") or "~"


register_converter(Number, "number")

urlpatterns = [
    path("mitra/<slug:slug>/data/", kit.kit, name="partner_data"),
    path("data/", views.contract_list, name="data_contract_list"),
    path("data/baru/", publishing.new, name="data_contract_new"),
    path("data/kunci/<str:pk>/ganti/", keys.rotate, name="data_key_rotate"),
    path("data/kunci/<str:pk>/hentikan/", keys.stop, name="data_key_stop"),
    path("data/karantina/<int:pk>/", quarantine.one, name="data_quarantined"),
    path("data/snap/<str:pk>/ganti/", snap.replace, name="data_snap_replace"),
    path("data/<slug:contract>/<int:major>/", views.contract, name="data_contract"),
    path("data/<slug:contract>/<int:major>/dokumen/", views.document, name="data_contract_document"),
    path("data/<slug:contract>/<int:major>/akhiri/", publishing.retire, name="data_contract_retire"),
    path("data/<slug:contract>/<int:major>/aliran/", flow.flow, name="data_flow"),
    path("data/<slug:contract>/<int:major>/kunci/", keys.keys, name="data_keys"),
    path("data/<slug:contract>/<int:major>/kunci/baru/", keys.new, name="data_key_new"),
    path("data/<slug:contract>/<int:major>/karantina/", quarantine.rows, name="data_quarantine"),
    path("data/<slug:contract>/<int:major>/karantina/coba/", quarantine.again, name="data_quarantine_again"),
    path("data/<slug:contract>/<int:major>/pencairan/", disbursements.batches, name="data_disbursements"),
    path(
        "data/<slug:contract>/<int:major>/pencairan.csv",
        disbursements.batches_csv,
        name="data_disbursements_csv",
    ),
    path(
        "data/<slug:contract>/<int:major>/pencairan/<number:batch>/",
        disbursements.batch,
        name="data_disbursement",
    ),
    path(
        "data/<slug:contract>/<int:major>/pencairan/<number:batch>/perintah.csv",
        disbursements.batch_csv,
        name="data_disbursement_csv",
    ),
    path("data/<slug:contract>/<int:major>/snap/", snap.clients, name="data_snap"),
    path("data/<slug:contract>/<int:major>/snap/baru/", snap.new, name="data_snap_new"),
]
