from django.urls import path

from balai.portal.data import flow, keys, kit, publishing, quarantine, views

urlpatterns = [
    path("mitra/<slug:slug>/data/", kit.kit, name="partner_data"),
    path("data/", views.contract_list, name="data_contract_list"),
    path("data/baru/", publishing.new, name="data_contract_new"),
    path("data/kunci/<str:pk>/ganti/", keys.rotate, name="data_key_rotate"),
    path("data/kunci/<str:pk>/hentikan/", keys.stop, name="data_key_stop"),
    path("data/karantina/<int:pk>/", quarantine.one, name="data_quarantined"),
    path("data/<slug:contract>/<int:major>/", views.contract, name="data_contract"),
    path("data/<slug:contract>/<int:major>/dokumen/", views.document, name="data_contract_document"),
    path("data/<slug:contract>/<int:major>/akhiri/", publishing.retire, name="data_contract_retire"),
    path("data/<slug:contract>/<int:major>/aliran/", flow.flow, name="data_flow"),
    path("data/<slug:contract>/<int:major>/kunci/", keys.keys, name="data_keys"),
    path("data/<slug:contract>/<int:major>/kunci/baru/", keys.new, name="data_key_new"),
    path("data/<slug:contract>/<int:major>/karantina/", quarantine.rows, name="data_quarantine"),
    path("data/<slug:contract>/<int:major>/karantina/coba/", quarantine.again, name="data_quarantine_again"),
]
