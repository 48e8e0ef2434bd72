from django.urls import path

from balai.portal.public import views

urlpatterns = [
    path("", views.home, name="home"),
    path("tentang/", views.about, name="about"),
    path("mitra/", views.partner_list, name="partner_list"),
    path("mitra/<slug:slug>/", views.partner, name="partner"),
    path("dimensi/", views.dimension_list, name="dimension_list"),
    path("dimensi/<slug:key>/", views.dimension, name="dimension"),
    path("dimensi.csv", views.indicators_csv, name="indicators_csv"),
    path("cari/", views.search, name="search"),
    path("buku-catatan/", views.ledger_page, name="ledger"),
]
