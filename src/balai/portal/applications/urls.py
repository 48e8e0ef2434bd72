from django.urls import path

from balai.portal.applications import applying, judging, reading, schemes

urlpatterns = [
    path("skema/", schemes.overview, name="schemes"),
    path("skema/periksa/", schemes.selfcheck, name="selfcheck"),
    path("skema/<slug:key>/", schemes.detail, name="scheme"),
    path("permohonan/", reading.mine, name="applications"),
    path("permohonan/kota/", reading.of_city, name="applications_city"),
    path("permohonan/kota.csv", reading.of_city_csv, name="applications_csv"),
    path("permohonan/mulai/", applying.start, name="application_start"),
    path("permohonan/<str:reference>/", reading.detail, name="application"),
    path("permohonan/<str:reference>/cetak/", reading.printed, name="application_print"),
    path("permohonan/<str:reference>/jawaban.csv", reading.answers_csv, name="application_csv"),
    path("permohonan/<str:reference>/bagian/<slug:key>/", applying.section, name="application_section"),
    path("permohonan/<str:reference>/berkas/", applying.papers, name="application_papers"),
    path("permohonan/<str:reference>/berkas/<int:pk>/", reading.file, name="application_file"),
    path(
        "permohonan/<str:reference>/berkas/<int:pk>/keluarkan/",
        applying.take_out,
        name="application_file_out",
    ),
    path("permohonan/<str:reference>/ajukan/", applying.submit, name="application_submit"),
    path("permohonan/<str:reference>/periksa/", judging.screening, name="application_screening"),
    path("permohonan/<str:reference>/penilaian/", judging.review, name="application_review"),
    path("permohonan/<str:reference>/penilaian/benturan/", judging.conflict, name="application_conflict"),
    path("permohonan/<str:reference>/ringkasan/", judging.summary, name="application_summary"),
]
