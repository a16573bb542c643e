//! Floor 1: HTTP manners. Reads what clients send and says yes or no to it; knows no route, no
//! session and no Apple.
