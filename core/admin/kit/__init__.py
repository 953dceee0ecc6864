"""The parts that all screens use: base class, cells, lists, dialogs, tabs, history, sync state."""
