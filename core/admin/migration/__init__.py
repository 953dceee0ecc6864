"""Tools, the tab Migration: Export everything, and the exports of other dashboards."""
