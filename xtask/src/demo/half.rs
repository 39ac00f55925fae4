//! One half of the demo: a server process that ends with the task runner.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::run::{During, Outcome, fail};

/// Longest time from the start of a server to its first answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pause between two checks of the servers.
const PAUSE: Duration = Duration::from_millis(50);

/// A running server. Its standard input is a pipe of this process. However this process ends, the
/// pipe closes, and the server (started with `--exit-with-stdin`) ends too. No signal handler is
/// needed.
pub(super) struct Half {
    name: &'static str,
    address: SocketAddr,
    child: Child,
}

impl Half {
    pub(super) fn start(name: &'static str, command: &mut Command, address: SocketAddr) -> Outcome<Self> {
        // This process prints the address when the server answers. The server's errors are passed
        // through.
        command.arg("--listen").arg(address.to_string()).arg("--exit-with-stdin");
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let child = command.spawn().during(format!("starting the {name} half"))?;
        Ok(Self { name, address, child })
    }

    /// Returns once the server answers its first page.
    pub(super) fn wait_until_it_serves(&mut self) -> Outcome {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return fail(format!("the {} half ended at its start with {status}", self.name));
            }
            match get(self.address) {
                Ok(()) => return Ok(()),
                Err(error) if start.elapsed() > PATIENCE => {
                    return fail(format!("the {} half does not answer within {PATIENCE:?}: {error}", self.name));
                }
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }

    /// Returns an error when the first of them ends. The others are ended then.
    pub(super) fn watch(halves: &mut [&mut Self]) -> Outcome {
        loop {
            for half in halves.iter_mut() {
                if let Some(status) = half.ended()? {
                    return fail(format!("the {} half ended with {status}", half.name));
                }
            }
            thread::sleep(PAUSE);
        }
    }

    fn ended(&mut self) -> Outcome<Option<ExitStatus>> {
        self.child.try_wait().during(format!("watching the {} half", self.name))
    }
}

impl Drop for Half {
    /// Ends the server: first by closing its input, then by force.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(2) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(PAUSE);
        }
        // It may have ended just now. Then there is no process to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Requests a server's first page. Any status except 200 is an error.
pub(crate) fn get(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let request = format!("GET / HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n", address.port());
    stream.write_all(request.as_bytes())?;
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status)?;
    if status.starts_with("HTTP/1.1 200") {
        return Ok(());
    }
    Err(io::Error::other(format!("answered `{}`", status.trim_end())))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        net::TcpListener,
        process::Command,
        thread,
    };

    use super::{Half, get};

    /// A server that answers one request with this response.
    fn server(answer: &'static str) -> std::net::SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let request: Vec<String> =
                BufReader::new(&stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            assert_eq!(request[0], "GET / HTTP/1.1");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn only_200_is_serving() {
        get(server("HTTP/1.1 200 OK\r\n\r\nhello")).unwrap();
        let error = get(server("HTTP/1.1 503 Service Unavailable\r\n\r\n")).unwrap_err();
        assert_eq!(error.to_string(), "answered `HTTP/1.1 503 Service Unavailable`");
    }

    #[test]
    #[cfg(unix)]
    fn a_half_that_dies_is_named_and_the_other_is_ended() {
        let nowhere = ([127, 0, 0, 1], 1).into();
        // Arguments after the script are the shell's positional parameters, which it ignores.
        let mut dies = Half::start("first", Command::new("sh").args(["-c", "exit 3", "sh"]), nowhere).unwrap();
        let failure = dies.wait_until_it_serves().unwrap_err().0;
        assert_eq!(failure, "the first half ended at its start with exit status: 3");

        let mut stays = Half::start("second", Command::new("sh").args(["-c", "cat", "sh"]), nowhere).unwrap();
        let failure = Half::watch(&mut [&mut stays, &mut dies]).unwrap_err().0;
        assert_eq!(failure, "the first half ended with exit status: 3");
        assert_eq!(stays.ended().unwrap(), None);
        drop(stays);
    }
}
