from django.urls import path

from balai.portal.data import kit, views

urlpatterns = [
    path("mitra/<slug:slug>/data/", kit.kit, name="partner_data"),
    path("data/", views.contract_list, name="data_contract_list"),
    path("data/<slug:contract>/<int:major>/", views.contract, name="data_contract"),
    path("data/<slug:contract>/<int:major>/dokumen/", views.document, name="data_contract_document"),
]
