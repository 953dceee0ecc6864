"""What Thinkific tells us by webhooks: stored as it came (inbox), then acted upon in batches (process).

Events are hints. Each topic's handler reads what is told, asks Thinkific where that is not enough or not
certain, and hands facts to the mirror; nothing here marks anything stale, so no webhook causes a push.
"""
