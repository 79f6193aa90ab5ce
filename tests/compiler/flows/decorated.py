"""Decorators of every kind: on the flow and on its steps."""

from metaflow import FlowSpec, catch, environment, kubernetes, project, resources, retry, schedule, step, timeout


@schedule(cron="0 10 * * ? *", timezone="Europe/Helsinki")
@project(name="growth")
class DecoratedFlow(FlowSpec):
    @retry(times=0)
    @step
    def start(self):
        self.next(self.fit)

    @environment(vars={"LEVEL": 3, "MODE": "deep $x"})
    @timeout(minutes=2)
    @resources(cpu=16, memory=8000)
    @kubernetes(image="acme/fit:1", cpu=2, node_selector="disk=ssd", secrets="one,two", tolerations=[{"key": "gpu"}])
    @step
    def fit(self):
        self.next(self.end)

    @catch(var="failure")
    @retry(times=2, minutes_between_retries=5)
    @step
    def end(self):
        pass


if __name__ == "__main__":
    DecoratedFlow()
