"""What Airflow knows of parameters."""

from metaflow import FlowSpec, JSONType, Parameter, step

CASE = {
    "shows": ["types and help texts of parameters in Airflow"],
}


class ParameterFormFlow(FlowSpec):
    text = Parameter("text", default="a", help="Any text: 'quoted' {{ ds }}")
    whole = Parameter("whole", default=3, help="A number")
    real = Parameter("real", default=0.5)
    flag = Parameter("flag", default=True, help="Yes or no")
    document = Parameter("document", type=JSONType, default='{"a": 1}')

    @step
    def start(self):
        pass


if __name__ == "__main__":
    ParameterFormFlow()
