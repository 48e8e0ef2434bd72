from django.urls import path

from balai.portal.pilots import flow, views

ROOT = "uji-coba/<str:reference>/"
urlpatterns = [
    path(ROOT, views.detail, name="pilot"),
    path(f"{ROOT}rencana/", views.plan, name="pilot_plan"),
    path(f"{ROOT}lokasi/", views.site, name="pilot_site"),
    path(f"{ROOT}lokasi/<int:pk>/hapus/", views.site_remove, name="pilot_site_remove"),
    path(f"{ROOT}tonggak/", views.milestone, name="pilot_milestone"),
    path(f"{ROOT}tonggak/<int:pk>/tercapai/", views.milestone_reached, name="pilot_milestone_reached"),
    path(f"{ROOT}kewajiban/", views.obligation, name="pilot_obligation"),
    path(f"{ROOT}kewajiban/<int:pk>/terpenuhi/", views.obligation_met, name="pilot_obligation_met"),
    path(f"{ROOT}evaluasi/", views.evaluation, name="pilot_evaluation"),
    path(f"{ROOT}aliran/", flow.bind, name="pilot_flow"),
    path(f"{ROOT}aliran/<int:pk>/", flow.series, name="pilot_flow_series"),
    path(f"{ROOT}aliran/<int:pk>/panel.csv", flow.panel_csv, name="pilot_flow_csv"),
    path(f"{ROOT}aliran/<int:pk>/akhiri/", flow.end, name="pilot_flow_end"),
    path(f"{ROOT}insiden/", views.incident, name="pilot_incident"),
    path(f"{ROOT}insiden/<int:pk>/tutup/", views.incident_close, name="pilot_incident_close"),
    path(f"{ROOT}laporan/<slug:form>/", views.report, name="pilot_report"),
    path(f"{ROOT}dampak/", views.effect, name="pilot_effect"),
    path(f"{ROOT}dampak/verifikasi/", views.effect_verify, name="pilot_effect_verify"),
    path(f"{ROOT}bukti/<uuid:pk>/", views.evidence, name="pilot_evidence"),
]
