"""The handlers of the topics: each has `prepare`, which asks Thinkific and returns a function that stores."""
