"""Webhook events of Thinkific: stored as they arrive (inbox), then processed in batches (process).

An event is only a hint. The handler of its topic reads the event, asks Thinkific if that is not enough or not
certain, and stores facts through the mirror. The mirror never marks rows stale, so no webhook causes a push.
"""
