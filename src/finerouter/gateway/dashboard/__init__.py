"""The dashboard: one page without outside assets, and the figures on it."""

from finerouter.gateway.dashboard.figures import figures
from finerouter.gateway.dashboard.page import Page, load_page

__all__ = ["Page", "figures", "load_page"]
