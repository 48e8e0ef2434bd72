from django.urls import path

from balai.portal.accounts import views

urlpatterns = [
    path("demo/", views.demo, name="accounts_demo"),
    path("demo/masuk/<int:pk>/", views.demo_sign_in, name="accounts_demo_sign_in"),
]
