from django.urls import path

from balai.portal.indicators import flow, views

urlpatterns = [
    path("dimensi/silang/", views.crosswalk, name="crosswalk"),
    path("dimensi/<slug:key>/<slug:code>/", flow.indicator, name="indicator"),
    path("dimensi/<slug:key>/<slug:code>/aliran.csv", flow.indicator_csv, name="indicator_flow_csv"),
    path("angka/aliran/", flow.sources, name="flow_sources"),
    path("angka/aliran/<slug:code>/", flow.source, name="flow_source"),
    path("angka/asal/<uuid:pk>/", flow.origin, name="flow_origin"),
    path(
        "angka/asal/<uuid:pk>/<slug:contract>/<int:major>/<slug:day>/",
        flow.origin_day,
        name="flow_origin_day",
    ),
    path("angka/", views.batches, name="value_batches"),
    path("angka/baru/", views.batch_new, name="value_new"),
    path("angka/<uuid:pk>/", views.batch, name="value_batch"),
    path("angka/<uuid:pk>/galat.csv", views.faults_csv, name="value_faults_csv"),
    path("angka/<uuid:pk>/<slug:what>/", views.batch_act, name="value_batch_act"),
]
