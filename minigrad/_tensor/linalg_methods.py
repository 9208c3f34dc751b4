"""Stub until the real file lands."""


class LinalgMethods:
    pass
