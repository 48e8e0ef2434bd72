from django.urls import path

from balai.portal.agreements import certified, verify, views

urlpatterns = [
    path("perjanjian/", views.register, name="agreement_list"),
    path("perjanjian/baru/", views.memorandum, name="agreement_memorandum"),
    path("perjanjian/untuk/<str:reference>/", views.agreement_of, name="agreement_of"),
    path("perjanjian/<uuid:pk>/", views.detail, name="agreement"),
    path("perjanjian/<uuid:pk>/ubah/", views.edit, name="agreement_edit"),
    path("perjanjian/<uuid:pk>/pihak/<int:place>/", views.party, name="agreement_party"),
    path("perjanjian/<uuid:pk>/meterai/<int:place>/", views.stamp, name="agreement_stamp"),
    path("perjanjian/<uuid:pk>/dibaca/", views.read, name="agreement_read"),
    path("perjanjian/<uuid:pk>/setujui/", views.approve, name="agreement_approve"),
    path("perjanjian/<uuid:pk>/buka/", views.open_for_signing, name="agreement_open"),
    path("perjanjian/<uuid:pk>/tanda-tangan/", views.sign_page, name="agreement_sign"),
    path("perjanjian/<uuid:pk>/tersertifikasi/", certified.bring, name="agreement_certified"),
    path("perjanjian/<uuid:pk>/tersertifikasi/berkas/", certified.newest, name="agreement_newest"),
    path("perjanjian/<uuid:pk>/tersertifikasi/<int:place>/", certified.report, name="agreement_report"),
    path("perjanjian/kepercayaan/", certified.trust_list, name="trust_list"),
    path("perjanjian/kepercayaan/pencabutan/", certified.trust_revocations, name="trust_revocations"),
    path("perjanjian/kepercayaan/<int:anchor>/", certified.trust_withdraw, name="trust_withdraw"),
    path("perjanjian/<uuid:pk>/tolak/", views.decline_page, name="agreement_decline"),
    path("perjanjian/<uuid:pk>/keterbukaan/", views.publish, name="agreement_publish"),
    path("perjanjian/<uuid:pk>/versi/<int:number>/", views.version_file, name="agreement_version"),
    path("perjanjian/<uuid:pk>/tersegel/", views.sealed_file, name="agreement_sealed"),
    path("verifikasi/", verify.verify, name="verify"),
]
