from metaflow import FlowSpec, catch, environment, kubernetes, resources, retry, step, timeout


class GraphFlow(FlowSpec):
    """Every kind of step, and what decides how often and how long each runs."""

    @kubernetes(qos="Guaranteed", security_context={"run_as_user": 1000}, image="registry.example/own:1")
    @timeout(hours=1, minutes=2, seconds=3)
    @step
    def start(self):
        self.regions = ["a", "b"]
        self.next(self.region, foreach="regions")

    @environment(vars={"PLAIN": "text", "NUMBER": 7, "METAFLOW_OWNER": "somebody else"})
    @retry(times=2, minutes_between_retries=5)
    @step
    def region(self):
        self.stores = [1, 2]
        self.next(self.store, foreach="stores")

    @retry(times=1)
    @resources(gpu=1)
    @step
    def store(self):
        self.next(self.stores_done)

    @step
    def stores_done(self, inputs):
        self.next(self.regions_done)

    @catch(var="failed")
    @step
    def regions_done(self, inputs):
        self.next(self.apart)

    @step
    def apart(self):
        self.next(self.left, self.right)

    @catch
    @retry(times=2, minutes_between_retries=1)
    @step
    def left(self):
        self.next(self.both)

    @catch
    @retry(times=0, minutes_between_retries=7)
    @step
    def right(self):
        self.next(self.both)

    @retry(times=0)
    @step
    def both(self, inputs):
        self.next(self.choose)

    @step
    def choose(self):
        self.choice = "small"
        self.next({"small": self.small, "large": self.large}, condition="choice")

    @timeout(seconds=60)
    @step
    def small(self):
        self.next(self.end)

    @timeout(hours=200)
    @step
    def large(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    GraphFlow()
