from ninja import NinjaAPI

api_v1 = NinjaAPI(title="Balai", version="1.0.0", urls_namespace="api")
