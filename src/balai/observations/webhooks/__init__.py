"""Telling machines what happened: signed messages to addresses organisations name, as Standard Webhooks.

`outbox` turns the ledger and the flow into messages, `sending` takes them out, `client` makes one request.
"""
