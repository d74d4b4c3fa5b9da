"""A client of servers that speak the OpenAI API, used by `teacher/api.py`.

completion -> session -> client -> answer, error, request, server. `completion` makes the project's records of what a
server answers, `session` sends a request again where that helps and says what its errors mean for the run, and `client`
is one HTTP exchange. `process/background_loop.py` keeps many requests under way at once.
"""
