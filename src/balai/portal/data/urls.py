from django.urls import path

from balai.portal.data import views

urlpatterns = [
    path("data/", views.contract_list, name="data_contract_list"),
    path("data/<slug:contract>/<int:major>/", views.contract, name="data_contract"),
    path("data/<slug:contract>/<int:major>/dokumen/", views.document, name="data_contract_document"),
]
