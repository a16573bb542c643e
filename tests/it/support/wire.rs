//! Raw bytes to Russet and back, for probes that no client library would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One connection.
pub struct Wire {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

/// Bytes both ways, whatever carries them.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub fn one(&self, name: &str) -> Option<&str> {
        match self.all(name).as_slice() {
            [] => None,
            [one] => Some(one),
            several => panic!("{name} came {} times: {several:?}", several.len()),
        }
    }
}

impl Wire {
    pub async fn to(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// Over a connection that is there already, such as one with TLS.
    pub fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), buffer: Vec::new() }
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends a request line and headers, and reads the answer.
    pub async fn ask(&mut self, line: &str, headers: &[(&str, &str)]) -> Answer {
        let mut head = format!("{line}\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.send(head).await;
        self.answer(line.starts_with("HEAD "))
            .await
            .expect("the connection was closed without an answer")
    }

    /// The next answer; `None` where the connection ends instead. Bounded to half a minute.
    pub async fn answer(&mut self, of_head: bool) -> Option<Answer> {
        tokio::time::timeout(Duration::from_secs(30), self.read_answer(of_head))
            .await
            .expect("no answer in time")
    }

    /// The head of the next answer, its body left in the connection.
    pub async fn head(&mut self) -> String {
        let head = async {
            loop {
                if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                    let head: Vec<u8> = self.buffer.drain(..at + 4).collect();
                    return String::from_utf8_lossy(&head).into_owned();
                }
                self.more().await.expect("closed before the head ended");
            }
        };
        tokio::time::timeout(Duration::from_secs(10), head).await.expect("no head in time")
    }

    /// Waits until the connection has brought `text`, and forgets all up to its end.
    pub async fn until(&mut self, text: &str) {
        let read = async {
            loop {
                let found = self.buffer.windows(text.len()).position(|w| w == text.as_bytes());
                if let Some(at) = found {
                    self.buffer.drain(..at + text.len());
                    return;
                }
                self.more().await.expect("closed before the text came");
            }
        };
        tokio::time::timeout(Duration::from_secs(10), read).await.expect("the text did not come");
    }

    /// Whether the peer has closed the connection (waits up to two seconds for it).
    pub async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        let ended = self.stream.read_to_end(&mut rest);
        tokio::time::timeout(Duration::from_secs(2), ended).await.is_ok()
    }

    async fn read_answer(&mut self, of_head: bool) -> Option<Answer> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: String::new() };
        let body = if of_head || matches!(status, 204 | 304) || status < 200 {
            Vec::new()
        } else if answer.one("transfer-encoding").is_some() {
            self.chunked().await?
        } else if let Some(length) =
            answer.one("content-length").and_then(|length| length.parse().ok())
        {
            while self.buffer.len() < length {
                self.more().await?;
            }
            self.buffer.drain(..length).collect()
        } else {
            while self.more().await.is_some() {}
            std::mem::take(&mut self.buffer)
        };
        answer.body = String::from_utf8_lossy(&body).into_owned();
        Some(answer)
    }

    async fn chunked(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let at = loop {
                if let Some(at) = self.buffer.windows(2).position(|window| window == b"\r\n") {
                    break at;
                }
                self.more().await?;
            };
            let size =
                usize::from_str_radix(std::str::from_utf8(&self.buffer[..at]).ok()?, 16).ok()?;
            self.buffer.drain(..at + 2);
            while self.buffer.len() < size + 2 {
                self.more().await?;
            }
            body.extend(self.buffer.drain(..size));
            self.buffer.drain(..2);
            if size == 0 {
                return Some(body);
            }
        }
    }

    async fn more(&mut self) -> Option<()> {
        let mut chunk = [0; 16384];
        let read = self.stream.read(&mut chunk).await.ok()?;
        self.buffer.extend_from_slice(&chunk[..read]);
        (read > 0).then_some(())
    }
}
