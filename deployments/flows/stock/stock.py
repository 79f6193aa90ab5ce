"""A foreach inside of a foreach, and a switch that each item takes on its own."""

from metaflow import FlowSpec, step

STOCK = {"helsinki": {"lamps": 12, "chairs": 3}, "oulu": {"tables": 0}}


class StockFlow(FlowSpec):
    """Orders what runs short, for each shelf of each warehouse."""

    @step
    def start(self):
        """One item for each warehouse."""
        self.warehouses = list(STOCK)
        self.next(self.open, foreach="warehouses")

    @step
    def open(self):
        """Each warehouse has its own number of shelves."""
        self.warehouse = self.input
        self.shelves = list(STOCK[self.warehouse])
        self.next(self.count, foreach="shelves")

    @step
    def count(self):
        """Go one of two ways."""
        self.goods = self.input
        self.state = "short" if STOCK[self.warehouse][self.goods] < 5 else "enough"
        self.next({"short": self.order, "enough": self.close}, condition="state")

    @step
    def order(self):
        """Only where there are few."""
        self.ordered = 20
        self.next(self.close)

    @step
    def close(self):
        """Here both ways meet."""
        self.orders = {self.goods: self.ordered} if self.state == "short" else {}
        self.next(self.collect_shelves)

    @step
    def collect_shelves(self, inputs):
        """The orders of one warehouse."""
        self.warehouse = inputs[0].warehouse
        self.orders = {goods: amount for shelf in inputs for goods, amount in shelf.orders.items()}
        self.next(self.collect)

    @step
    def collect(self, inputs):
        """The orders of all warehouses."""
        self.orders = {one.warehouse: one.orders for one in inputs}
        self.next(self.end)

    @step
    def end(self):
        """Show the result."""
        print(self.orders)


if __name__ == "__main__":
    StockFlow()
