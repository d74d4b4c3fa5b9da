"""The check that a server lists the distributions that a run will read, before anything is asked or paid."""

from distillrun.artifacts import ArtifactStore
from distillrun.interfaces import ServedTeacher, requirements_of
from distillrun.journal.client import TeacherClient
from distillrun.pipeline.disk_room import is_stored
from distillrun.pipeline.experiment import Experiment
from distillrun.process.interrupt import stops_when_saved


def probe_server(experiment: Experiment, store: ArtifactStore) -> None:
    """Ask for the distributions of one short text, unless they were read before. Raises ConfigError where none come."""
    teacher, wanted = experiment.parts.logit_teacher, requirements_of(experiment.parts.objective)
    if wanted.teacher != "stored" or wanted.logits is None or not isinstance(teacher, ServedTeacher):
        return
    text = teacher.probe()
    if text is None or is_stored(experiment, store):
        return
    top_k, client = wanted.logits.top_k, TeacherClient(store.root, "read_logits", teacher)
    with stops_when_saved() as stopping:
        for _ in client.ask(lambda account: teacher.distributions([text], top_k, account), 1, stopping):
            pass
