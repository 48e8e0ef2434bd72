from django.urls import path

from balai.portal.people import account, organisations

urlpatterns = [
    path("akun-saya/", account.profile, name="people_account"),
    path("akun-saya/kunci/", account.new_key, name="people_key_new"),
    path("akun-saya/kunci/<uuid:pk>/cabut/", account.drop_key, name="people_key_revoke"),
    path("akun-saya/hapus/", account.erase, name="people_erase"),
    path("organisasi/baru/", organisations.new, name="people_organisation_new"),
    path("organisasi/<slug:slug>/", organisations.detail, name="people_organisation"),
    path("organisasi/<slug:slug>/ubah/", organisations.edit, name="people_organisation_edit"),
    path(
        "organisasi/<slug:slug>/undangan/<uuid:pk>/batal/",
        organisations.take_back,
        name="people_invitation_revoke",
    ),
    path("organisasi/<slug:slug>/anggota/<int:pk>/peran/", organisations.change, name="people_member_role"),
    path("organisasi/<slug:slug>/anggota/<int:pk>/akhiri/", organisations.end, name="people_member_end"),
    path("undangan/terima/<uuid:pk>/", organisations.accept_mine, name="people_invitation_mine"),
    path("undangan/<str:token>/", organisations.invitation, name="people_invitation"),
]
