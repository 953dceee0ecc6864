"""Dialogs that sync one product or all of them."""

from core.admin.kit.dialogs.dialog import Done
from core.admin.kit.sync.sync_buttons import SyncDialog, run_started


class SyncProducts(SyncDialog):
    """Opened by the button above the list."""

    slug, label, title = "sync-products", "Sync Products", "Sync all products from Thinkific?"
    question = (
        "Courses, bundles and their contents are read again in the background. Nothing in Thinkific changes."
    )

    def carry_out(self) -> Done:
        return Done(run_started("products", what="products", by=self.viewer))


class SyncProduct(SyncDialog):
    slug, label, title = "sync-product", "Sync Product", "Sync this product from Thinkific?"
    question = "Its data and contents are read again in the background. Nothing in Thinkific changes."

    def carry_out(self) -> Done:
        options = {"product_id": self.obj.pk}
        return Done(run_started("products", what=str(self.obj), by=self.viewer, options=options))
