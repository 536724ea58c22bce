"""Signed links as the clouds make them, good until a given time."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

MP4 = "https://media.example.com/harbour/s01e01.mp4"
_TO_CLOUDFRONT = str.maketrans("+=/", "-_~")


def aws_v4(until, url=MP4, *, lasts_s=43200, extra=""):
    """Sign as `aws s3 presign` does: the time of signing, and seconds from then."""
    signed_at = until - timedelta(seconds=lasts_s)
    return (
        f"{url}?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        f"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F{signed_at:%Y%m%d}%2Feu-west-1%2Fs3%2Faws4_request"
        f"&X-Amz-Date={signed_at:%Y%m%dT%H%M%SZ}&X-Amz-Expires={lasts_s}&X-Amz-SignedHeaders=host"
        f"{extra}&X-Amz-Signature=fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"
    )


def google_v4(until, url=MP4, lasts_s=604800):
    signed_at = until - timedelta(seconds=lasts_s)
    return (
        f"{url}?x-goog-algorithm=GOOG4-RSA-SHA256"
        "&x-goog-credential=dubs%40studio.iam.gserviceaccount.com%2F20261125%2Fauto%2Fstorage"
        f"%2Fgoog4_request&x-goog-date={signed_at:%Y%m%dT%H%M%SZ}&x-goog-expires={lasts_s}"
        "&x-goog-signedheaders=host&x-goog-signature=247a2aa4d0a3"
    )


def epoch(until):
    return int(until.timestamp())


def aws_v2(until, url=MP4, key="AKIAIOSFODNN7EXAMPLE"):
    tail = "Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D"
    return f"{url}?AWSAccessKeyId={key}&Expires={epoch(until)}&{tail}"


def google_v2(until, url=MP4):
    return f"{url}?GoogleAccessId=dubs%40studio.iam&Expires={epoch(until)}&Signature=nfHRC%2B%3D"


def cloudfront(until, url=MP4):
    tail = "Signature=nitfHRCrtziwO2HwPfWw~yYDhUF5E&Key-Pair-Id=K2JCJMDEHXQW5F"
    return f"{url}?Expires={epoch(until)}&{tail}"


def cloudfront_policy(until, url=MP4, start=None):
    """Sign with a custom policy, in CloudFront's own spelling of base64."""
    condition = {"DateLessThan": {"AWS:EpochTime": epoch(until)}}
    if start is not None:
        condition["DateGreaterThan"] = {"AWS:EpochTime": epoch(start)}
    # The question mark and the umlauts bring all of + / = into the base64.
    text = json.dumps(
        {"Statement": [{"Resource": f"{url}?ü>ÿ?~", "Condition": condition}]}, ensure_ascii=False
    )
    policy = base64.b64encode(text.encode()).decode().translate(_TO_CLOUDFRONT)
    return f"{url}?Policy={policy}&Signature=nitf~yYD-&Key-Pair-Id=K2JCJMDEHXQW5F"


def azure(until, url=MP4, *, written="", extra=""):
    """Sign as Azure does; `written` is its end as it stands in the link."""
    end = written or f"{until:%Y-%m-%dT%H}%3A{until:%M}%3A{until:%S}Z"
    return (
        f"{url}?sv=2024-08-04&se={end}{extra}&sr=b&sp=r"
        "&sig=Z%2FRHIX5Xcg0Mq2rqI3OlWTjEg2tYkboXr1P9ZUXDtkk%3D"
    )


ALL = {
    "AWS V4": aws_v4,
    "AWS V2": aws_v2,
    "CloudFront": cloudfront,
    "CloudFront policy": cloudfront_policy,
    "Google V4": google_v4,
    "Google V2": google_v2,
    "Azure SAS": azure,
}
