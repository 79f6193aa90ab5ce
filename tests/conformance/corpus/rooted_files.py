"""Files that the code names by paths from the project's folder, and one that the manifest names."""

from metaflow import Config, FlowSpec, IncludeFile, step

CASE = {
    "cold": True,
    "shows": ["IncludeFile and Config with a path from the project's folder, or a file from the manifest"],
    "files": {"settings.json": '{"a": "$HOME {{ ds }}"}', "words.txt": "words", "named.bin": "named"},
    "entry": {"include_files": {"named": "flows/rooted_files/named.bin"}},
    "artifacts": {"end": {"found": ["$HOME {{ ds }}", "words", "named"]}},
}


class RootedFilesFlow(FlowSpec):
    cfg = Config("cfg", default="flows/rooted_files/settings.json")
    words = IncludeFile("words", default="flows/rooted_files/words.txt")
    named = IncludeFile("named", required=True, is_text=False)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        self.found = [self.cfg.a, self.words, self.named.decode()]


if __name__ == "__main__":
    RootedFilesFlow()
