"""`lamella run FILE [ARGS...]`: as `python FILE [ARGS...]`, with lamella as keras."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from lamella._version import __version__


@pytest.fixture
def script(tmp_path):
    def write(text, name="program.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write


def lamella(*words, cwd=None, python=()):
    return subprocess.run(
        [sys.executable, *python, "-m", "lamella", *map(str, words)], capture_output=True, text=True, cwd=cwd
    )


def test_keras_means_lamella(script):
    done = lamella("run", script("import keras, lamella; assert keras is lamella; print('ok')"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


def test_the_program_sees_what_python_would_show_it(script, tmp_path):
    text = """
        import sys, os
        print(__name__, __file__, sys.argv, sys.path[0], __spec__, __builtins__.__name__, __doc__)
        print(sys.modules["__main__"].__dict__ is globals())
        import helper
    """
    script("print('helped')", "helper.py")
    file = script(text)
    ours = lamella("run", "program.py", "a", "--flag", "-v", "--help", cwd=tmp_path)
    theirs = subprocess.run(
        [sys.executable, "program.py", "a", "--flag", "-v", "--help"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert ours.stdout == theirs.stdout
    assert str(file) in ours.stdout and ours.returncode == 0


def test_a_program_elsewhere_imports_its_neighbours(script, tmp_path):
    script("print('helped')", "helper.py")
    file = script("import helper, os; print(os.getcwd())")
    (tmp_path / "other").mkdir()
    done = lamella("run", file, cwd=tmp_path / "other")
    assert done.stdout.split() == ["helped", str(tmp_path / "other")]


def test_a_module_runs_by_name(script, tmp_path):
    (tmp_path / "pack").mkdir()
    script("", "pack/__init__.py")
    script("import sys, keras, lamella; print(__name__, sys.argv[1:], keras is lamella)", "pack/job.py")
    done = lamella("run", "-m", "pack.job", "-x", "1", cwd=tmp_path)
    assert done.stdout.strip() == "__main__ ['-x', '1'] True"


def test_the_traceback_starts_at_the_program(script):
    file = script("""
        def inner():
            raise ValueError("mine")
        inner()
    """)
    done = lamella("run", file)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{file}", line 4, in <module>'
    assert lines[-1] == "ValueError: mine"
    assert "lamella/cli" not in done.stderr and "runpy" not in done.stderr


def test_the_traceback_of_a_module_starts_there_too(script, tmp_path):
    script("raise ValueError('mine')", "job.py")
    done = lamella("run", "-m", "job", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[1].startswith(f'  File "{tmp_path / "job.py"}", line 1')


def test_a_syntax_error_is_shown_as_python_does(script):
    file = script("def f(:")
    done = lamella("run", file)
    assert done.returncode == 1
    assert done.stderr.startswith(f'  File "{file}", line 1')
    assert "SyntaxError" in done.stderr


def test_a_missing_name_reaches_the_user(script):
    done = lamella("run", script("from keras.datasets import mnits"))
    assert done.returncode == 1
    assert "Nearest names in lamella.datasets: mnist" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "code", "error"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit('no data')", 1, "no data\n"),
        ("raise SystemExit(3)", 3, ""),
    ],
)
def test_exit_codes_pass_through(script, text, code, error):
    done = lamella("run", script(text))
    assert (done.returncode, done.stderr) == (code, error)


def test_the_programs_own_excepthook_is_used(script):
    done = lamella("run", script("import sys; sys.excepthook = lambda *a: print('hook', a[0].__name__); 1 / 0"))
    assert (done.returncode, done.stdout) == (1, "hook ZeroDivisionError\n")


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_is_one_line_and_130(script):
    file = script("""
        import time
        print("started", flush=True)
        time.sleep(30)
    """)
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a run in the background ignores it, and so its children
    process = subprocess.Popen(
        [sys.executable, "-m", "lamella", "run", file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGINT, before)
    assert process.stdout.readline() == "started\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert error.strip() == f"Interrupted at {file}, line 4."


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nope.py"], "no such file: 'nope.py'"),
        (["."], "is a folder"),
        (["-"], "expected a Python file or -m MODULE, got '-'"),
        (["--fast", "x.py"], "expected a Python file or -m MODULE, got '--fast'"),
        (["-m"], "needs the name of a module"),
        (["-m", "no.such.module"], "no module named 'no.such.module'"),
    ],
)
def test_what_cannot_be_run_is_one_line_and_2(words, expected, tmp_path):
    done = lamella("run", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert expected in done.stderr
    assert done.stderr.startswith("lamella run: ") and done.stderr.count("\n") == 1


def test_no_file_and_help_are_answered():
    assert lamella("run").returncode == 2
    done = lamella("run", "--help")
    assert done.returncode == 0 and "lamella run" in done.stdout
    assert lamella("nonsense").returncode == 2


def test_version():
    assert lamella("--version").stdout == f"lamella {__version__}\n"


def test_threads_and_atexit_still_see_the_program(script):
    done = lamella(
        "run",
        script("""
            import atexit, threading, time, sys
            value = "mine"
            def later():
                time.sleep(0.1)
                print(value, sys.modules["__main__"].value)
            threading.Thread(target=later).start()
            atexit.register(lambda: print("end", value))
        """),
    )
    assert done.stdout == "mine mine\nend mine\n"


def test_the_safe_path_option_is_respected(script, tmp_path):
    script("", "helper.py")
    file = script("import helper")
    done = lamella("run", file, cwd="/", python=["-P"])
    assert done.returncode == 1 and "No module named 'helper'" in done.stderr


def test_starting_a_program_loads_little(script):
    heavy = ("typer", "numpy", "jax", "rich", "pooch", "asyncio")
    done = lamella("run", script(f"import sys; print([m for m in {heavy!r} if m in sys.modules])"))
    assert done.stdout == "[]\n"
