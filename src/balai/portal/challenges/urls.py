from django.urls import path

from balai.portal.challenges import views, writing

urlpatterns = [
    path("tantangan/", views.listing, name="challenge_list"),
    path("tantangan.csv", views.export, name="challenge_csv"),
    path("tantangan/baru/", writing.new, name="challenge_new"),
    path("tantangan/<str:reference>/", views.detail, name="challenge_detail"),
    path("tantangan/<str:reference>/ubah/", writing.edit, name="challenge_edit"),
    path("tantangan/<str:reference>/tanya/", views.ask, name="challenge_ask"),
    path("tantangan/<str:reference>/ikuti/", views.follow, name="challenge_follow"),
    path("tantangan/<str:reference>/tanya/<int:pk>/", views.answer, name="challenge_answer"),
    path("tantangan/<str:reference>/<slug:key>/", views.act, name="challenge_act"),
]
